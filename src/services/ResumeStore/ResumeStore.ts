/**
 * What a stopped run leaves behind so that the next one can go on: records of verified pieces, a magnet's metadata, the output's lock.
 * It keeps records; whether they are to be believed is decided in `streams/trust.ts`.
 *
 * Life cycle: everything lives in the user's state folder (`$XDG_STATE_HOME/bt-effect`), nothing beside the payload. A lock lives as
 * long as its scope.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import type { InfoHash } from "../../schema/infoHash.ts";
import type { ResumeRecord } from "../../schema/resume.ts";
import type { ResumeError } from "../../schema/errors/ResumeError.ts";
import type { StorageError } from "../../schema/errors/StorageError.ts";

/** Which download a record belongs to: one torrent at one output. */
export interface ResumeKey {
  readonly infoHash: InfoHash;
  /** Absolute path of the output (see `StorageLayout.root`). */
  readonly root: string;
}

/** Keeps records between runs. Layers: `services/ResumeStore/files.ts`, `services/ResumeStore/memory.ts`. */
export class ResumeStore extends Context.Service<
  ResumeStore,
  {
    /** The last record; none when there is none, or it is damaged or of an unknown version. */
    readonly load: (key: ResumeKey) => Effect.Effect<Option.Option<ResumeRecord>, ResumeError>;
    /** Replaces the record: temporary file, fsync, rename. */
    readonly save: (key: ResumeKey, record: ResumeRecord) => Effect.Effect<void, ResumeError>;
    /** The info dictionary fetched for a magnet earlier, with any output; its bytes hash to `infoHash` or none is given. */
    readonly loadInfo: (infoHash: InfoHash) => Effect.Effect<Option.Option<Uint8Array>, ResumeError>;
    readonly saveInfo: (infoHash: InfoHash, bytes: Uint8Array) => Effect.Effect<void, ResumeError>;
    /** The piece layers learnt for this torrent earlier, as `saveLayers` was given them, if they are still so; they are to be proven, not believed. */
    readonly loadLayers: (infoHash: InfoHash) => Effect.Effect<Option.Option<Uint8Array>, ResumeError>;
    /** Keeps the nodes of the piece layers of all files (BEP 52): 32 bytes a piece, zeros where unknown. */
    readonly saveLayers: (infoHash: InfoHash, nodes: Uint8Array) => Effect.Effect<void, ResumeError>;
    /** The outputs that earlier runs used for this torrent. */
    readonly roots: (infoHash: InfoHash) => Effect.Effect<ReadonlyArray<string>, ResumeError>;
    /** Where `StorageLayout.asidePath` is to be. */
    readonly asidePath: (key: ResumeKey) => string;
    /** Makes sure that no other living process works on this output; a lock left by a dead process is taken over. Fails with reason `Busy`. */
    readonly lock: (root: string) => Effect.Effect<void, StorageError | ResumeError, Scope.Scope>;
    /** An opaque id of the machine's current boot; the same as in a record means that no reboot lies between. */
    readonly bootId: Effect.Effect<string>;
  }
>()("bt-effect/services/ResumeStore") {}
