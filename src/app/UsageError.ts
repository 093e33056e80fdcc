/** What a person asked for in words that make no sense: flags, arguments, environment, configuration file (status 2). */
import * as Data from "effect/Data";

/** The command line, or what stands in for it, cannot be understood. */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** The last part of the code: `unknown-flag`, `bad-value` … */
  readonly kind: string;
  /** What is wrong, as a sentence without a full stop. */
  readonly problem: string;
  /** What to do about it; by default where the help is. */
  readonly hint?: string;
}> {
  /** `usage.unknown-flag`, `usage.bad-value`, `usage.missing-argument` … */
  get code(): string {
    return `usage.${this.kind}`;
  }
  override get message(): string {
    return `${this.problem}; ${this.hint ?? "see: bt-effect --help"}`;
  }
}
