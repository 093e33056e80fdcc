import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import type { TrackerReason } from "../../../src/schema/errors/TrackerError.ts";
import type { AnnounceResponse } from "../../../src/schema/tracker.ts";
import { joinAnnounces, overFamilies } from "../../../src/services/Tracker/families.ts";

const peer = NetAddress.inetAddressFromStringUnsafe;
const v4: AnnounceResponse = { peers: [peer("1.2.3.4:5")], interval: 900, seeders: 1, leechers: 9, trackerId: "a" };
const v6: AnnounceResponse = {
  peers: [peer("[::2]:6"), peer("1.2.3.4:5")],
  interval: 60,
  seeders: 3,
  leechers: 2,
  warning: "w",
};
const fail = (reason: TrackerReason) => Effect.fail(reason);

const announceOver = (questions: Parameters<typeof overFamilies<AnnounceResponse>>[0]) =>
  overFamilies(questions, joinAnnounces);

describe("overFamilies", () => {
  it.effect("joins the answers of both families, the first one's words first", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* announceOver([Effect.succeed(v4), Effect.succeed(v6)]), {
        peers: [peer("1.2.3.4:5"), peer("[::2]:6")],
        interval: 900,
        seeders: 3,
        leechers: 9,
        trackerId: "a",
        warning: "w",
      });
    }),
  );
  it.effect("gives a slower family as long again as the first answer took, and no longer", () =>
    Effect.gen(function* () {
      const run = (slower: number) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(
            Effect.gen(function* () {
              const from = yield* Clock.currentTimeMillis;
              const answer = yield* announceOver([
                Effect.delay(Effect.succeed(v6), slower),
                Effect.delay(Effect.succeed(v4), 100),
              ]);
              return [answer.peers.length, (yield* Clock.currentTimeMillis) - from];
            }),
          );
          yield* TestClock.adjust("1 minute");
          return yield* Fiber.join(fiber);
        });
      assert.deepStrictEqual(yield* run(220), [2, 220]);
      assert.deepStrictEqual(yield* run(30_000), [1, 225]);
    }),
  );
  it.effect("succeeds when one family fails, at once when it failed before", () =>
    Effect.gen(function* () {
      const answer = yield* announceOver([fail({ _tag: "UnknownHost", host: "t" }), Effect.succeed(v4)]);
      assert.deepStrictEqual(answer, v4);
    }),
  );
  it.effect("fails with the failure that tells most", () =>
    Effect.gen(function* () {
      const rejected: TrackerReason = { _tag: "Rejected", text: "no" };
      const unknown: TrackerReason = { _tag: "UnknownHost", host: "t" };
      assert.deepStrictEqual(yield* Effect.flip(announceOver([fail(unknown), fail(rejected)])), rejected);
      const silent: TrackerReason = { _tag: "TimedOut" };
      assert.deepStrictEqual(yield* Effect.flip(announceOver([fail(silent), fail(unknown)])), silent);
    }),
  );
});
