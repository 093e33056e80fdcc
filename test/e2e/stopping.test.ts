import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import type { Running } from "../support/clients/processes.ts";
import { btEffect, eventsOfType, fetchedAgain, type Home, makeHome, runProgram } from "../support/clients/program.ts";
import { recordingTracker, type TrackerOptions } from "../support/clients/tracker.ts";

const MIB = 1024 * 1024;

/** Sixteen files whose borders lie within pieces. */
const files = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`${index % 4}/${index}.bin`, MIB + 17]));

/** A download that takes about five seconds, and a tracker that keeps what it is told. */
const makeSlowDownload = (options: TrackerOptions = {}) =>
  Effect.gen(function* () {
    const payload = yield* makePayload({
      folder: yield* emptyFolder,
      name: "slow",
      pieceLength: 64 * 1024,
      content: files,
    });
    const seeder = yield* libtorrentSeeder(payload, { uploadLimit: 3 * MIB });
    const tracker = yield* recordingTracker(options);
    const args = [payload.torrent, "--peer", seeder.address, "--tracker", tracker.url, "--port", "0", "--json"];
    return { payload, tracker, args, home: yield* makeHome };
  });

/** Waits until so much of the payload is there. */
const reaches = (running: Running, bytes: number) =>
  running.until(() => eventsOfType(running.stdout(), "progress").find(({ done }) => done >= bytes));

/** Runs until so much is there, and then sends the signal. */
const runAndStop = (home: Home, args: ReadonlyArray<string>, options: { bytes: number; signal: NodeJS.Signals }) =>
  Effect.gen(function* () {
    const running = yield* btEffect(home, args);
    yield* reaches(running, options.bytes);
    const at = performance.now();
    yield* running.kill(options.signal);
    const end = yield* running.ended;
    return { ...end, seconds: (end.at - at) / 1000, stdout: running.stdout(), stderr: running.stderr() };
  });

describeClients("a download that is stopped", ["python3-libtorrent"], () => {
  describe.concurrent("goes on with the same command", () => {
    it.live("after SIGKILL, fetching no more than 5 % again", () =>
      Effect.gen(function* () {
        const { payload, args, home } = yield* makeSlowDownload();
        const killed = yield* runAndStop(home, args, { bytes: payload.size * 0.4, signal: "SIGKILL" });
        assert.strictEqual(killed.signal, "SIGKILL");

        const again = yield* runProgram(home, args);
        assert.strictEqual(again.stderr, "");
        assert.strictEqual(again.status, 0);
        assertSame(payload, home.out(payload.name));
        assert.isAtMost(fetchedAgain(killed.stdout, again.stdout), payload.size * 0.05);
      }),
    );

    for (const [signal, status] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 143],
    ] as const) {
      it.live(`after ${signal}, which ends it within 3 s with ${status}, in order`, () =>
        Effect.gen(function* () {
          const { payload, tracker, args, home } = yield* makeSlowDownload();
          const stopped = yield* runAndStop(home, args, { bytes: payload.size * 0.2, signal });
          assert.strictEqual(stopped.status, status);
          assert.isBelow(stopped.seconds, 3);
          assert.match(stopped.stderr, /^bt-effect: stopped at [\d.]+%; resume with: .*\n$/);
          assert.include(stopped.stderr, payload.torrent);
          const [told] = eventsOfType(stopped.stdout, "stopped");
          assert.strictEqual(told?.total, payload.size);
          assert.deepStrictEqual(
            tracker.announces.map(({ event }) => event),
            ["started", "stopped"],
          );
          assert.isAbove(tracker.announces[1]?.left ?? 0, 0);

          const again = yield* runProgram(home, args);
          assert.strictEqual(again.stderr, "");
          assert.strictEqual(again.status, 0);
          assertSame(payload, home.out(payload.name));
          const [resumed] = eventsOfType(again.stdout, "resumed");
          assert.strictEqual(resumed?.from, "record");
          assert.isAtLeast(resumed?.bytes ?? 0, told?.done ?? Number.POSITIVE_INFINITY);
          assert.isAtMost(fetchedAgain(stopped.stdout, again.stdout), payload.size * 0.05);
        }),
      );
    }

    it.live("after it was suspended for a while, by itself", () =>
      Effect.gen(function* () {
        const { payload, args, home } = yield* makeSlowDownload();
        const running = yield* btEffect(home, args);
        yield* reaches(running, payload.size * 0.2);
        yield* running.kill("SIGSTOP");
        yield* Effect.sleep("3 seconds");
        yield* running.kill("SIGCONT");
        const { status } = yield* running.ended;
        assert.strictEqual(running.stderr(), "");
        assert.strictEqual(status, 0);
        assertSame(payload, home.out(payload.name));
      }),
    );
  });

  it.live("waits no more than 2 s for a tracker that does not answer", () =>
    Effect.gen(function* () {
      const { payload, tracker, args, home } = yield* makeSlowDownload({ silentOn: "stopped" });
      const { status, seconds } = yield* runAndStop(home, args, { bytes: payload.size * 0.3, signal: "SIGINT" });
      assert.strictEqual(status, 130);
      assert.isBelow(seconds, 3);
      assert.strictEqual(tracker.announces.at(-1)?.event, "stopped");
    }),
  );

  it.live("ends at once with a second SIGINT", () =>
    Effect.gen(function* () {
      const { payload, tracker, args, home } = yield* makeSlowDownload({ silentOn: "stopped" });
      const running = yield* btEffect(home, args);
      yield* reaches(running, payload.size * 0.2);
      yield* running.kill("SIGINT");
      yield* tracker.told("stopped");
      const at = performance.now();
      yield* running.kill("SIGINT");
      const end = yield* running.ended;
      assert.strictEqual(end.status, 130);
      // The tracker would be waited for twice as long.
      assert.isBelow(end.at - at, 1_000);
    }),
  );
});
