/** A check of files against their torrent found something wrong (status 6). */
import * as Data from "effect/Data";

/** Files of `name` at `path` are not what the torrent says. */
export class DamagedError extends Data.TaggedError("DamagedError")<{
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Files that are missing, damaged, too long, or that cannot be vouched for. */
  readonly badFiles: number;
  readonly files: number;
  readonly badPieces: number;
  readonly pieces: number;
}> {
  /** `damaged.payload`, or `damaged.missing` where nothing is there. */
  get code(): string {
    return this.badFiles === this.files && this.badPieces === this.pieces ? "damaged.missing" : "damaged.payload";
  }
  override get message(): string {
    const { badFiles, badPieces, files, name, path, pieces } = this;
    return this.code === "damaged.missing"
      ? `${name}: nothing of it is at ${path}; name the payload itself or the folder that holds it`
      : `${name}: ${badFiles} of ${files} files at ${path} are not as they should be (${badPieces} of ${pieces} pieces); download it there to repair it`;
  }
}
