import { assert, it, vi } from "@effect/vitest";
import { Deferred, Effect, Fiber, Result, Schedule, Stream } from "effect";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMetainfo } from "../../src/schema/metainfo/parse.ts";
import { layer } from "../../src/services/live.ts";
import { download } from "../../src/streams/download.ts";
import { request } from "../../src/streams/request.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { recordingTracker } from "../support/clients/tracker.ts";
import { digests } from "../support/digests.ts";

const MIB = 1024 * 1024;

/** What keeps the process alive; looked at outside of timers, since one that goes off counts until it is over. */
const resources = Effect.callback<ReadonlyArray<string>>((resume) => {
  setImmediate(() => resume(Effect.sync(() => process.getActiveResourcesInfo().sort())));
});

describeClients("a download in this process", ["python3-libtorrent"], () => {
  it.live("leaves no socket, timer or open file behind when it is interrupted", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      vi.stubEnv("XDG_STATE_HOME", join(folder, "state"));
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()));
      const payload = yield* makePayload({ folder, name: "slow.bin", pieceLength: 64 * 1024, content: 16 * MIB });
      const seeder = yield* libtorrentSeeder(payload, { uploadLimit: 2 * MIB });
      const tracker = yield* recordingTracker({ peers: [seeder.address] });
      const metainfo = Result.getOrThrow(parseMetainfo(readFileSync(payload.torrent), digests));
      const events = download({
        ...request({ _tag: "Metainfo", metainfo }, join(folder, "out")),
        trackers: [tracker.url],
        noDht: true,
        noLsd: true,
      });

      const before = yield* resources;
      const arriving = yield* Deferred.make<void>();
      const run = yield* Effect.forkChild(
        Stream.runForEach(events, (event) =>
          event.type === "progress" && event.done > MIB ? Deferred.succeed(arriving, undefined) : Effect.void,
        ).pipe(Effect.provide(layer({ dhtRouters: [], noPortMapping: true }))),
      );
      yield* Effect.raceFirst(Deferred.await(arriving), Fiber.join(run));
      assert.isAbove((yield* resources).length, before.length);
      const at = performance.now();
      yield* Fiber.interrupt(run);
      assert.isBelow(performance.now() - at, 3_000);
      // The system closes sockets a moment after it was asked to.
      const left = yield* resources.pipe(
        Effect.repeat({
          schedule: Schedule.spaced("20 millis"),
          times: 50,
          until: (now) => now.length <= before.length,
        }),
      );
      assert.deepStrictEqual(left, before);
    }),
  );
});
