/** Why no torrent can be made of files. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** What was in the way. */
export type CreateReason =
  | { readonly _tag: "NotFound" }
  | { readonly _tag: "Unreadable"; readonly why: string }
  /** No bytes at all, or all of them excluded. */
  | { readonly _tag: "Empty" }
  /** A link that leads out of what the torrent holds, or nowhere. */
  | { readonly _tag: "BadLink"; readonly target: string }
  /** A socket, a pipe, a device. */
  | { readonly _tag: "Special" }
  /** A name that cannot stand in a torrent: not UTF-8, none at all. */
  | { readonly _tag: "BadName" }
  /** A folder that has nothing but one file of its own name: in v2 it cannot be told from that file. */
  | { readonly _tag: "Ambiguous" }
  | { readonly _tag: "TooDeep"; readonly limit: number }
  /** Written to, or replaced, while it was hashed. */
  | { readonly _tag: "Changed" }
  | { readonly _tag: "BadPieceLength"; readonly length: number }
  /** The .torrent would be larger than clients take, ours among them. */
  | { readonly _tag: "TooLarge"; readonly limit: number };

const DISK: ReadonlySet<CreateReason["_tag"]> = new Set(["NotFound", "Unreadable", "Changed"]);

const sentence = (reason: CreateReason): string => {
  switch (reason._tag) {
    case "NotFound":
      return "no such file or folder";
    case "Unreadable":
      return `cannot be read (${reason.why}); change its permissions, or leave it out with --exclude`;
    case "Empty":
      return "has no bytes to make a torrent of";
    case "BadLink":
      return `is a link to ${reason.target}, which is not in the torrent; leave it out with --exclude`;
    case "Special":
      return "is neither a file nor a folder; leave it out with --exclude";
    case "BadName":
      return "has a name that cannot stand in a torrent (it must be UTF-8); rename it or leave it out with --exclude";
    case "Ambiguous":
      return "a v2 torrent cannot tell a folder with one file of the same name from that file; name the file, or choose --version hybrid";
    case "TooDeep":
      return `lies more than ${reason.limit} folders deep`;
    case "Changed":
      return "was changed while it was hashed; try again when nothing writes to it";
    case "BadPieceLength":
      return `a piece length of ${reason.length} bytes: it must be a power of two from 16 KiB to 256 MiB`;
    case "TooLarge":
      return `the .torrent would be larger than ${reason.limit} bytes; choose a larger --piece-length`;
  }
};

/** No torrent can be made because of what is at `path`. */
export class CreateError extends Data.TaggedError("CreateError")<{
  readonly path: string;
  readonly reason: CreateReason;
}> {
  /** `storage.not-found`, `storage.changed`, `create.empty`, `create.bad-link` … */
  get code(): string {
    const { _tag } = this.reason;
    return `${DISK.has(_tag) ? "storage" : "create"}.${kebab(_tag)}`;
  }
  override get message(): string {
    return `${this.path}: ${sentence(this.reason)}`;
  }
}
