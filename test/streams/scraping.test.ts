import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { TestClock } from "effect/testing";
import { TrackerError } from "../../src/schema/errors/TrackerError.ts";
import { fromBytes } from "../../src/schema/infoHash.ts";
import { Tracker } from "../../src/services/Tracker/Tracker.ts";
import { scrapeAll } from "../../src/streams/scraping.ts";

const infoHash = Option.getOrThrow(fromBytes(new Uint8Array(20).fill(7)));
const counts = { seeders: 3, leechers: 2, completed: 1 };

const layer = Layer.mock(Tracker, {
  scrape: (url) =>
    url === "http://dead"
      ? Effect.delay(Effect.fail(new TrackerError({ url, reason: { _tag: "TimedOut" } })), "15 seconds")
      : Effect.delay(Effect.succeed(counts), "1 second"),
});

describe("scraping", () => {
  it.effect("asks all at once and gives every answer beside the failures, in their order", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(scrapeAll(["http://a", "http://dead", "udp://b:1"], [infoHash]));
      yield* TestClock.adjust("15 seconds");
      const answers = yield* Fiber.join(fiber);
      assert.deepStrictEqual(
        answers.map(({ url }) => url),
        ["http://a", "http://dead", "udp://b:1"],
      );
      assert.deepStrictEqual(
        answers.map(({ result }) => Result.match(result, { onSuccess: (of) => of, onFailure: ({ code }) => code })),
        [counts, "tracker.timed-out", counts],
      );
    }).pipe(Effect.provide(layer)),
  );

  it.effect("asks for a hybrid by both its names, and takes the larger counts, or those there are", () =>
    Effect.gen(function* () {
      const second = Option.getOrThrow(fromBytes(new Uint8Array(20).fill(8)));
      const scrapes = yield* scrapeAll(["http://both", "http://one", "http://none"], [infoHash, second]);
      assert.deepStrictEqual(
        scrapes.map(({ result }) => Result.match(result, { onSuccess: (of) => of, onFailure: ({ code }) => code })),
        [{ seeders: 3, leechers: 5, completed: 1, downloaders: 4 }, counts, "tracker.timed-out"],
      );
    }).pipe(
      Effect.provide(
        Layer.mock(Tracker, {
          scrape: (url, name) => {
            if (url === "http://none" || (url === "http://one" && name.hex === infoHash.hex))
              return Effect.fail(new TrackerError({ url, reason: { _tag: "TimedOut" } }));
            if (url === "http://one" || name.hex === infoHash.hex) return Effect.succeed(counts);
            return Effect.succeed({ seeders: 1, leechers: 5, completed: 0, downloaders: 4 });
          },
        }),
      ),
    ),
  );
});
