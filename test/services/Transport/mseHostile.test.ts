/** What the other side of an encrypted handshake may do wrong. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Result, Schema } from "effect";
import { TestClock } from "effect/testing";
import { concat } from "../../../src/schema/bytes.ts";
import * as Mse from "../../../src/schema/mse.ts";
import type { Connection } from "../../../src/services/Transport/Transport.ts";
import { digests } from "../../support/digests.ts";
import { driven } from "./driven.ts";
import { handshakes, pairOver, tapped, torrent } from "./encrypted.ts";

const { sha1 } = digests;
const KEYS = { weak: new Uint8Array(96), sound: Mse.publicKey(Uint8Array.of(7)) };

describe("the side that was dialled", () => {
  const answersTo = (said: (send: Connection["sendUnsafe"]) => void) =>
    Effect.gen(function* () {
      const pair = yield* pairOver();
      said(pair.dialled.sendUnsafe);
      const { coming } = handshakes(pair);
      const fiber = yield* Effect.forkChild(Effect.flip(coming), { startImmediately: true });
      yield* TestClock.adjust("1 second");
      return yield* Fiber.join(fiber);
    });

  it.effect("refuses a weak key and answers nothing to it", () =>
    driven(
      Effect.gen(function* () {
        const pair = yield* pairOver();
        const wire = tapped(pair.accepted);
        pair.dialled.sendUnsafe(KEYS.weak);
        const error = yield* Effect.flip(handshakes({ ...pair, accepted: wire.connection }).coming);
        assert.strictEqual(error._tag, "BadEncryption");
        assert.strictEqual(wire.written().length, 0);
      }),
    ),
  );

  it.effect("looks for the mark within 512 bytes of pad and no further", () =>
    driven(
      Effect.gen(function* () {
        const endless = yield* answersTo((send) => {
          send(KEYS.sound);
          send(new Uint8Array(Mse.MAX_PAD + 20));
        });
        assert.strictEqual(endless._tag, "BadEncryption");

        const privateKey = Uint8Array.of(7);
        for (const [padded, outcome] of [
          [Mse.MAX_PAD, "BadEncryption: a torrent that we do not have"],
          [Mse.MAX_PAD + 1, "BadEncryption: nothing known within 512 bytes"],
        ] as const) {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.flip(handshakes(pair, { known: [] }).coming), {
            startImmediately: true,
          });
          pair.dialled.sendUnsafe(Mse.publicKey(privateKey));
          const theirs = yield* pair.dialled.read(Mse.PUBLIC_KEY_LENGTH);
          const secret = Result.getOrThrow(Mse.sharedSecret(privateKey, theirs));
          pair.dialled.sendUnsafe(concat([new Uint8Array(padded), Mse.markOf(sha1, secret), new Uint8Array(20)]));
          const error = yield* Fiber.join(fiber);
          assert.strictEqual(error._tag === "BadEncryption" ? `${error._tag}: ${error.why}` : error._tag, outcome);
        }
      }),
    ),
  );

  it.effect.prop(
    "fails in a typed way whatever it is sent, at every stage, and reads a bounded part of it",
    {
      stage: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 3 }))),
      noise: Schema.Uint8Array.pipe(Schema.check(Schema.isMaxLength(300))),
    },
    ({ stage, noise }) =>
      driven(
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.exit(handshakes(pair).coming), { startImmediately: true });
          const privateKey = Uint8Array.of(7);
          if (stage > 0) {
            pair.dialled.sendUnsafe(Mse.publicKey(privateKey));
            const theirs = yield* pair.dialled.read(Mse.PUBLIC_KEY_LENGTH);
            const secret = Result.getOrThrow(Mse.sharedSecret(privateKey, theirs));
            if (stage > 1) pair.dialled.sendUnsafe(Mse.markOf(sha1, secret));
            if (stage > 2) pair.dialled.sendUnsafe(Mse.veiled(sha1, secret, torrent));
          }
          pair.dialled.sendUnsafe(noise);
          yield* pair.closeDialled;
          const exit = yield* Fiber.join(fiber);
          assert.isTrue(Exit.isFailure(exit));
          assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every((reason) => reason._tag === "Fail"));
        }),
      ),
  );
});

describe("the side that dials", () => {
  it.effect.prop(
    "fails in a typed way whatever it is answered",
    {
      key: Schema.Literals(["weak", "sound"]),
      noise: Schema.Uint8Array.pipe(Schema.check(Schema.isMaxLength(900))),
    },
    ({ key, noise }) =>
      driven(
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.exit(handshakes(pair).going), { startImmediately: true });
          pair.accepted.sendUnsafe(KEYS[key]);
          pair.accepted.sendUnsafe(noise);
          yield* Effect.forkChild(Effect.exit(pair.accepted.read(600)));
          yield* TestClock.adjust("1 second");
          yield* pair.closeAccepted;
          const exit = yield* Fiber.join(fiber);
          assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every((reason) => reason._tag === "Fail"));
        }),
      ),
  );

  it.effect("refuses an answer that chooses what was not offered, nothing, or two methods", () =>
    driven(
      Effect.forEach([[], ["plain"], ["plain", "rc4"]] as const, (chosen) =>
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.flip(handshakes(pair).going), { startImmediately: true });
          const privateKey = Uint8Array.of(7);
          pair.accepted.sendUnsafe(Mse.publicKey(privateKey));
          const theirs = yield* pair.accepted.read(Mse.PUBLIC_KEY_LENGTH);
          const { b } = Mse.streamsOf(sha1, Result.getOrThrow(Mse.sharedSecret(privateKey, theirs)), torrent);
          const bits = chosen.reduce((sum, method) => sum | (method === "rc4" ? 2 : 1), 0);
          const answer = Uint8Array.from([...new Uint8Array(8), 0, 0, 0, bits, 0, 0]);
          b.apply(answer, answer);
          pair.accepted.sendUnsafe(answer);
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "BadEncryption");
        }),
      ),
    ),
  );
});
