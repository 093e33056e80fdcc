/** Failures of the state folder; the download goes on without resume and says so once. */
import * as Data from "effect/Data";

/** The state folder could not be read or written. */
export class ResumeError extends Data.TaggedError("ResumeError")<{
  readonly operation: "load" | "save" | "lock";
  readonly path: string;
  readonly cause: unknown;
}> {
  /** Always `resume.unusable`. */
  get code(): string {
    return "resume.unusable";
  }
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause);
    return `${this.path}: the state of this download cannot be ${this.operation === "load" ? "read" : "kept"} (${why})`;
  }
}
