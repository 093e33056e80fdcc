/** Random bytes from OpenSSL, by `node:crypto`, which is loaded anyway; Effect's own layer asks `globalThis.crypto`, for which Node loads all of Web Crypto at every start. */
import * as SecureRandom from "effect/crypto/SecureRandom";
import * as Layer from "effect/Layer";
import { randomBytes } from "node:crypto";

/** `SecureRandom` from `node:crypto`. */
export const layer: Layer.Layer<SecureRandom.SecureRandom> = Layer.sync(SecureRandom.SecureRandom, () =>
  SecureRandom.SecureRandom.of(SecureRandom.make(randomBytes)),
);
