/**
 * Where a torrent's bytes are kept: reads and writes at offsets of the torrent, whatever files they fall into. It knows files,
 * not pieces: verification is not its business.
 *
 * Life cycle: `open` gives a handle on one torrent's output for as long as the scope lives; leaving the scope closes the files.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { StorageError } from "../../schema/errors/StorageError.ts";

/** One file of the output; pads and files not chosen are listed too, so that offsets add up. */
export interface LayoutFile {
  /** Absolute path. */
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  /** Where it begins in the torrent, in bytes. */
  readonly offset: number;
  /** `write`: chosen. `aside`: not chosen; bytes of shared pieces are kept aside. `pad`: zeros, kept nowhere. */
  readonly kind: "write" | "aside" | "pad";
  readonly executable: boolean;
  /** Target of a symbolic link (BEP 47), relative to the link's folder and inside the root; such a file has no bytes. */
  readonly link?: string;
}

/** All that `open` needs. */
export interface StorageLayout {
  /** The output: the file of a single-file torrent, else the folder; nothing is ever written outside it. */
  readonly root: string;
  readonly files: ReadonlyArray<LayoutFile>;
  /** Where bytes of files not chosen are kept (one sparse file, torrent offsets); made only when needed. */
  readonly asidePath: string;
}

/** What is on disk now for one file of the layout. */
export interface FileState {
  readonly exists: boolean;
  /** Bytes; 0 when it is not there. */
  readonly size: number;
  /** Milliseconds since 1970; 0 when it is not there. */
  readonly modified: number;
}

/** A run of bytes in a file, or zeros that are kept nowhere. */
export interface Place {
  readonly length: number;
  readonly file?: {
    /** Absolute; whoever opens it follows no symbolic link there unless it is `named`. */
    readonly path: string;
    /** The user's own word for the output. */
    readonly named: boolean;
    readonly position: number;
  };
}

/** Fills bytes from an offset. */
export interface Read {
  (offset: number, into: Uint8Array): Effect.Effect<void, StorageError>;
  /**
   * Where the very bytes that it reads lie, one place after the other, gaps left out; for threads that read them themselves. Absent where they are not in
   * files as they are; so a `read` around another one, which may change them, has none unless it says so.
   */
  readonly places?: (offset: number, length: number) => Effect.Effect<ReadonlyArray<Place>, StorageError>;
}

/**
 * One torrent's open output. All offsets are bytes from the beginning of the torrent. A range may reach over gaps between files, and that of a read
 * past the last: these read as zeros and keep nothing.
 */
export interface OpenStorage {
  /** Writes at an offset, across file borders; missing files and folders are made, sparse. `bytes` must not change until it completes. */
  readonly write: (offset: number, bytes: Uint8Array) => Effect.Effect<void, StorageError>;
  /** Fills `into` from an offset. Pads read as zeros. Fails with `Missing` when the bytes aren't there. */
  readonly read: Read;
  /** Takes on bytes that are there and that another run may have left unsynced: the next `sync` covers them. */
  readonly adopt: (offset: number, length: number) => Effect.Effect<void>;
  /** Makes everything written or adopted so far survive a power cut (`fdatasync` of the files that may be dirty, and of no others). */
  readonly sync: Effect.Effect<void, StorageError>;
  /** A look, of bounded cost, at files written to: fails with `Missing` when one is gone or cut short. Of many files it takes some each time, in turn. */
  readonly intact: Effect.Effect<void, StorageError>;
  /** What is on disk, file by file of the layout (`pad` files: exists, full size). */
  readonly survey: Effect.Effect<ReadonlyArray<FileState>, StorageError>;
  /** At completion: makes zero-length files, sets every chosen file's length and executable bits, removes what was aside when it is of no use. */
  readonly finish: Effect.Effect<void, StorageError>;
  /** Bytes still free where the output lives, as far as the system tells. */
  readonly free: Effect.Effect<number, StorageError>;
}

/** Opens outputs, and tells what is on disk before one is chosen. Layers: `services/Storage/files.ts`, `services/Storage/memory.ts`. */
export class Storage extends Context.Service<
  Storage,
  {
    readonly open: (layout: StorageLayout) => Effect.Effect<OpenStorage, StorageError, Scope.Scope>;
    /** What stands at an absolute path, symbolic links followed; `none` for a link that leads nowhere. */
    readonly inspect: (path: string) => Effect.Effect<"none" | "file" | "folder", StorageError>;
    /** The names in a folder, as the file system spells them; empty when there is no such folder. */
    readonly names: (folder: string) => Effect.Effect<ReadonlyArray<string>, StorageError>;
  }
>()("bt-effect/services/Storage") {}
