/** Random bytes from the `Random` of the fiber that builds the layer: repeatable where that is seeded, and secure nowhere. For tests. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Random from "effect/Random";
import * as SecureRandom from "effect/crypto/SecureRandom";

/** `SecureRandom` from `Random`. */
export const layer: Layer.Layer<SecureRandom.SecureRandom> = Layer.effect(
  SecureRandom.SecureRandom,
  Effect.map(Random.Random, (random) =>
    SecureRandom.make((size) => Uint8Array.from({ length: size }, () => random.nextIntUnsafe() & 255)),
  ),
);
