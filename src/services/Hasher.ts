/**
 * SHA-1 of pieces and blocks (BEP 3), SHA-256 for v2 (BEP 52). Synchronous on purpose: hashing a block while it is in the cache is cheaper than fetching it
 * again. It knows nothing of pieces; files that are hashed as a whole have other threads (HashThreads).
 */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import { type Digests, digests } from "./digests.ts";

/** Hashes bytes. */
export class Hasher extends Context.Service<Hasher, Digests>()("bt-effect/services/Hasher") {
  /** `node:crypto` on the main thread. */
  static readonly layer = Layer.succeed(Hasher, Hasher.of(digests));
}
