/**
 * SHA-1 of pieces and blocks (BEP 3), SHA-256 for v2 (BEP 52). Synchronous on purpose: on two cores nothing is gained by other threads, and hashing a block
 * while it is in the cache is cheaper than fetching it again. It knows nothing of pieces.
 */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import { createHash, hash } from "node:crypto";

/** A digest in the making. */
export interface Digesting {
  readonly update: (bytes: Uint8Array) => void;
  /** The 20 bytes; to be called once. */
  readonly digest: () => Uint8Array;
}

/** Hashes bytes. */
export class Hasher extends Context.Service<
  Hasher,
  {
    /** Begins an incremental SHA-1. */
    readonly begin: () => Digesting;
    /** SHA-1 of all of `bytes`, 20 bytes. */
    readonly sha1: (bytes: Uint8Array) => Uint8Array;
    /** SHA-256 of all of `bytes`, 32 bytes (BEP 52). */
    readonly sha256: (bytes: Uint8Array) => Uint8Array;
  }
>()("bt-effect/services/Hasher") {
  /** `node:crypto` on the main thread. */
  static readonly layer = Layer.succeed(
    Hasher,
    Hasher.of({
      begin: () => {
        const state = createHash("sha1");
        return { update: (bytes) => void state.update(bytes), digest: () => state.digest() };
      },
      sha1: (bytes) => hash("sha1", bytes, "buffer"),
      sha256: (bytes) => hash("sha256", bytes, "buffer"),
    }),
  );
}
