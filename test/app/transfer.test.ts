import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Option, Stream } from "effect";
import { TestClock } from "effect/testing";
import { Interruption } from "../../src/app/interruption.ts";
import { withOutput } from "../../src/app/output.ts";
import type { OutputFlags } from "../../src/app/output.ts";
import * as ScreenMemory from "../../src/app/Screen/memory.ts";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { StorageError } from "../../src/schema/errors/StorageError.ts";
import { follow } from "../../src/app/transfer.ts";
import { complete, oneFile, progress, started } from "./display/events.ts";
import { NodeServices } from "@effect/platform-node";

const flags: OutputFlags = {
  json: false,
  quiet: false,
  debug: false,
  logLevel: Option.none(),
  logFile: Option.none(),
};

const full = new StorageError({ operation: "write", path: "/out", reason: { _tag: "NoSpace" } });

/** Follows made-up events to the end, or until the fiber is interrupted. */
const following = (
  events: Stream.Stream<DownloadEvent, StorageError>,
  differs: Partial<OutputFlags>,
  screen: ScreenMemory.MemoryScreen,
) =>
  follow((stop) => Stream.interruptWhen(events, stop), ["x y.torrent", "out"]).pipe(
    withOutput({ ...flags, ...differs }),
    Effect.provide([screen.layer, NodeServices.layer]),
  );

describe("transfer", () => {
  it.effect("says how it began and ended", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      yield* following(Stream.make(started, oneFile, progress(), complete), {}, screen);
      assert.strictEqual(screen.written.length, 2);
      assert.match(screen.written[1] ?? "", /: complete, 650\.0 MiB verified/);
    }),
  );

  it.effect("interrupted, waits until all is in order and tells how to resume", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      const order: Array<string> = [];
      const events = Stream.make(started, oneFile, progress()).pipe(
        Stream.concat(Stream.never),
        Stream.ensuring(
          Effect.andThen(
            Effect.sleep("2 seconds"),
            Effect.sync(() => order.push(`saved after ${screen.written.length} lines`)),
          ),
        ),
      );
      const fiber = yield* Effect.forkChild(following(events, {}, screen), { startImmediately: true });
      yield* TestClock.adjust("1 second");
      const stop = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true });
      yield* TestClock.adjust("3 seconds");
      yield* Fiber.join(stop);
      assert.deepStrictEqual(order, ["saved after 1 lines"]);
      assert.strictEqual(
        screen.written.at(-1),
        "bt-effect: stopped at 42.3%; resume with: bt-effect 'x y.torrent' out\n",
      );
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)));
    }),
  );

  it.effect("interrupted while only sharing, has left nothing undone and says what was sent", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      const interruption = { harmless: false };
      const events = Stream.concat(
        Stream.make(started, oneFile, complete, progress({ phase: "seeding", uploaded: 1024 ** 3, ratio: 1.5 })),
        Stream.never,
      );
      const fiber = yield* following(events, {}, screen).pipe(
        Effect.provideService(Interruption, interruption),
        Effect.forkChild({ startImmediately: true }),
      );
      yield* TestClock.adjust("1 second");
      yield* Fiber.interrupt(fiber);
      assert.isTrue(interruption.harmless);
      assert.match(screen.written.at(-1) ?? "", /: shared, 1\.0 GiB sent, ratio 1\.50\n$/);
    }),
  );

  it.effect("interrupted right after completion, before it told of any sharing, has left nothing undone either", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      const interruption = { harmless: false };
      const events = Stream.concat(Stream.make(started, oneFile, progress(), complete), Stream.never);
      const fiber = yield* following(events, {}, screen).pipe(
        Effect.provideService(Interruption, interruption),
        Effect.forkChild({ startImmediately: true }),
      );
      yield* TestClock.adjust("1 second");
      yield* Fiber.interrupt(fiber);
      assert.isTrue(interruption.harmless);
      assert.notMatch(screen.written.join(""), /resume with/);
    }),
  );

  it.effect("interrupted, says what was sent up to the end", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      const seeding = (uploaded: number) => progress({ phase: "seeding", uploaded, ratio: 1.5 });
      const last = Stream.fromIterable([seeding(1024 ** 3)]);
      const fiber = yield* follow(
        (stop) =>
          Stream.make(started, complete, seeding(0)).pipe(
            Stream.concat(Stream.fromEffectDrain(stop)),
            Stream.concat(last),
          ),
        [],
      ).pipe(
        withOutput(flags),
        Effect.provide([screen.layer, NodeServices.layer]),
        Effect.forkChild({ startImmediately: true }),
      );
      yield* TestClock.adjust("1 second");
      yield* Fiber.interrupt(fiber);
      assert.match(screen.written.at(-1) ?? "", /: shared, 1\.0 GiB sent, ratio 1\.50\n$/);
    }),
  );

  it.effect("says what was sent when enough was", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      yield* following(Stream.make(started, complete, progress({ phase: "seeding", ratio: 2 })), {}, screen);
      assert.match(screen.written.at(-1) ?? "", /ratio 2\.00\n$/);
    }),
  );

  it.effect("interrupted, ends --json with stopped", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      const events = Stream.concat(Stream.make(started, progress()), Stream.never);
      const fiber = yield* Effect.forkChild(following(events, { json: true }, screen), { startImmediately: true });
      yield* TestClock.adjust("1 second");
      yield* Fiber.interrupt(fiber);
      const last: unknown = JSON.parse(screen.printed.at(-1) ?? "");
      assert.deepInclude(last, { type: "stopped", done: 275 * 1024 ** 2, total: 650 * 1024 ** 2 });
    }),
  );

  it.effect("tells an error once as an event, whether the download told it or not", () =>
    Effect.gen(function* () {
      const told: DownloadEvent = { type: "error", code: full.code, message: full.message };
      for (const before of [Stream.make(started), Stream.make(started, told)]) {
        const screen = yield* ScreenMemory.make();
        const exit = yield* Effect.exit(following(Stream.concat(before, Stream.fail(full)), { json: true }, screen));
        assert.deepStrictEqual(exit, Exit.fail(full));
        assert.strictEqual(screen.printed.filter((line) => line.includes('"type":"error"')).length, 1);
      }
    }),
  );

  it.effect("shows a stack with --debug alone", () =>
    Effect.gen(function* () {
      for (const debug of [false, true]) {
        const screen = yield* ScreenMemory.make();
        yield* Effect.exit(following(Stream.fail(full), { debug, quiet: true }, screen));
        assert.strictEqual(
          screen.written.some((line) => line.includes("    at ")),
          debug,
        );
      }
    }),
  );

  it.effect("writes warnings of the log as sentences, and the rest where a level asks for it", () =>
    Effect.gen(function* () {
      const events = Stream.fromEffectDrain(
        Effect.andThen(Effect.logWarning("UDP port 1 is taken"), Effect.logInfo("i")),
      );
      const screen = yield* ScreenMemory.make();
      yield* following(events, {}, screen);
      assert.deepStrictEqual(screen.written, ["warning: UDP port 1 is taken\n"]);
      const verbose = yield* ScreenMemory.make();
      yield* following(events, { logLevel: Option.some("info") }, verbose);
      assert.strictEqual(verbose.written.length, 2);
      assert.match(verbose.written[1] ?? "", /level=INFO .*message=i\n$/);
    }),
  );

  it.effect("refuses a log file that cannot be written", () =>
    Effect.gen(function* () {
      const screen = yield* ScreenMemory.make();
      const error = yield* Effect.flip(
        following(Stream.empty, { logFile: Option.some("/nowhere/at/all.log") }, screen),
      );
      assert.strictEqual(error.code, "usage.bad-value");
      assert.strictEqual(
        error.message,
        "--log-file /nowhere/at/all.log: cannot be written (no such folder); name another file",
      );
    }),
  );
});
