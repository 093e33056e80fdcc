import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import { TestClock } from "effect/testing";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { wantedPieces } from "../../src/schema/geometry.ts";
import type { TorrentInfo } from "../../src/schema/metainfo.ts";
import { Events } from "../../src/services/Events.ts";
import { ResumeMachine } from "../../src/services/ResumeStore/memory.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { Storage } from "../../src/services/Storage/Storage.ts";
import { openOutput } from "../../src/streams/output.ts";
import { makeRecorder } from "../../src/streams/recorder.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { recover, type Recovered } from "../../src/streams/resume.ts";
import { makePieceHashes } from "../../src/schema/pieceHashes.ts";
import { digests } from "../support/digests.ts";
import { onMachine, requestFor, torrentOf } from "./disk.ts";

const { info, bytes } = torrentOf([{ length: 40 }, { length: 32 }, { length: 8 }]);

/** Begins a run: what it finds, what it hashed, and all that it needs to go on. */
const begin = (torrent: TorrentInfo, change: Partial<DownloadRequest> = {}) =>
  Effect.gen(function* () {
    const request = requestFor(torrent, change);
    const output = yield* openOutput(torrent, request);
    const storage = yield* (yield* Storage).open(output.layout);
    let hashed = 0;
    const recovered = yield* recover({
      info: torrent,
      hashes: makePieceHashes(torrent, digests.sha256),
      output,
      storage,
      check: request.check,
      overwrite: request.overwrite,
      onProgress: (done) => void (hashed = done),
    });
    return { output, storage, recovered, hashed };
  });

/** A whole run that writes the pieces it lacks of `pieces`, and ends in order. */
const run = (
  torrent: { readonly info: TorrentInfo; readonly bytes: Uint8Array },
  pieces: ReadonlyArray<number>,
  change: Partial<DownloadRequest> = {},
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = yield* begin(torrent.info, change);
      const { output, storage, recovered } = started;
      const wanted = wantedPieces(torrent.info, output.selected);
      const recorder = yield* makeRecorder({
        output,
        storage,
        recovered,
        info: torrent.info,
        wanted,
        traffic: () => ({ downloaded: 1, uploaded: 0 }),
        peers: () => [],
        also: Effect.void,
        partial: Effect.succeed([]),
      });
      const { pieceLength } = torrent.info;
      for (const index of pieces) {
        if (Bitfield.has(recovered.have, index)) continue;
        yield* storage.write(
          index * pieceLength,
          torrent.bytes.subarray(index * pieceLength, (index + 1) * pieceLength),
        );
        recorder.wrote(index);
      }
      if (pieces.length === torrent.info.pieceCount) yield* storage.finish;
      return started;
    }),
  );

const have = ({ have }: Recovered, pieceCount = info.pieceCount): ReadonlyArray<number> =>
  Array.from({ length: pieceCount }, (_, index) => index).filter((index) => Bitfield.has(have, index));
const look = (change: Partial<DownloadRequest> = {}) => Effect.scoped(begin(info, change));
const all = [0, 1, 2, 3, 4];

describe("resume", () => {
  it.effect("starts with nothing where nothing is", () =>
    onMachine(
      Effect.gen(function* () {
        const { recovered, hashed } = yield* look();
        assert.deepStrictEqual([have(recovered), recovered.from, hashed], [[], "none", 0]);
      }),
    ),
  );

  it.effect("hashes nothing after an orderly end, and everything when asked to", () =>
    onMachine(
      Effect.gen(function* () {
        yield* run({ info, bytes }, [0, 3]);
        const { recovered, hashed } = yield* look();
        assert.deepStrictEqual([have(recovered), recovered.from, hashed], [[0, 3], "record", 0]);
        assert.deepStrictEqual(recovered.synced, recovered.have);
        assert.strictEqual(recovered.downloaded, 1);
        const checked = yield* look({ check: true });
        assert.deepStrictEqual([have(checked.recovered), checked.recovered.from], [[0, 3], "hashed"]);
        assert.isAbove(checked.hashed, 0);
      }),
    ),
  );

  it.effect("finds by hashing what is good, without a record", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* disk.put("/d/name/f0", bytes.slice(0, 40));
        yield* disk.put("/d/name/f1", bytes.slice(40, 72).fill(0, 30));
        const { recovered, hashed } = yield* look();
        assert.deepStrictEqual([have(recovered), recovered.from, hashed], [[0, 1, 2, 3], "hashed", 64]);
        assert.deepStrictEqual([...recovered.synced], [0]);
      }),
    ),
  );

  it.effect("hashes only the pieces of a file that changed, and misses what is bad", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* run({ info, bytes }, all);
        yield* TestClock.adjust("1 minute");
        yield* disk.put("/d/name/f2", bytes.slice(72, 80).fill(9, 7));
        const { recovered, hashed } = yield* look();
        assert.deepStrictEqual([have(recovered), recovered.from, hashed], [[0, 1, 2, 3], "hashed", 16]);
      }),
    ),
  );

  it.effect("stops at a file that is somebody else's, and names it", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        const mine = Uint8Array.of(1, 2, 3);
        yield* disk.put("/d/name/f1", mine);
        const error = yield* Effect.flip(look());
        assert.strictEqual(error.code, "storage.foreign");
        assert.include(error.message, "/d/name/f1");
        assert.deepStrictEqual(yield* disk.get("/d/name/f1"), mine);
        yield* look({ overwrite: true });
        yield* run({ info, bytes }, [0], { overwrite: true });
        yield* look();
      }),
    ),
  );

  it.effect("takes files of zeros for its own, unless they are too long", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* disk.put("/d/name/f1", new Uint8Array(32));
        assert.deepStrictEqual(have((yield* look()).recovered), []);
        yield* disk.put("/d/name/f1", new Uint8Array(33));
        assert.strictEqual((yield* Effect.flip(look())).code, "storage.foreign");
      }),
    ),
  );

  it.effect("knows an output as its own from the first record on", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* run({ info, bytes }, []);
        yield* disk.put("/d/name/f1", Uint8Array.of(1, 2, 3));
        assert.deepStrictEqual(have((yield* look()).recovered), []);
      }),
    ),
  );

  it.effect("stops when a complete output is gone with its folder, and fetches again when only the files are", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* run({ info, bytes }, all, { out: "/mnt/usb/x" });
        for (const path of yield* disk.paths) yield* disk.remove(path);
        const error = yield* Effect.flip(look({ out: "/mnt/usb/x" }));
        assert.strictEqual(error.code, "storage.gone");
        yield* disk.put("/mnt/usb/other", Uint8Array.of(1));
        assert.strictEqual((yield* look({ out: "/mnt/usb/x" })).recovered.from, "none");
      }),
    ),
  );

  it.effect("has a removed file's pieces fetched again", () =>
    onMachine(
      Effect.gen(function* () {
        yield* run({ info, bytes }, all);
        yield* (yield* MemoryDisk).remove("/d/name/f1");
        const { recovered, hashed } = yield* look();
        assert.deepStrictEqual([have(recovered), hashed], [[0, 1], 0]);
      }),
    ),
  );

  it.effect("keeps what neighbours share when more files are chosen later", () =>
    onMachine(
      Effect.gen(function* () {
        const only = (index: number) => ({ select: [{ _tag: "Ranges", ranges: [[index, index]] } as const] });
        const disk = yield* MemoryDisk;
        yield* run({ info, bytes }, [2, 3, 4], only(1));
        assert.deepStrictEqual(
          (yield* disk.paths).filter((path) => path.startsWith("/d")),
          ["/d/name/f1"],
        );
        assert.deepStrictEqual(have((yield* look(only(1))).recovered), [2, 3, 4]);
        yield* TestClock.adjust("1 minute");
        const more = yield* run({ info, bytes }, all);
        assert.deepStrictEqual(have(more.recovered), [2, 3, 4]);
        assert.deepStrictEqual(yield* disk.get("/d/name/f0"), bytes.slice(0, 40));
        assert.deepStrictEqual(yield* disk.get("/d/name/f2"), bytes.slice(72));
        const fewer = yield* run({ info, bytes }, [], only(0));
        assert.deepStrictEqual(have(fewer.recovered), all);
        assert.deepStrictEqual([have((yield* look()).recovered), (yield* look()).hashed], [all, 0]);
      }),
    ),
  );

  it.effect("goes on without a state folder by hashing", () =>
    onMachine(
      Effect.gen(function* () {
        yield* (yield* ResumeMachine).setUnusable(true);
        yield* run({ info, bytes }, [0, 1, 2]);
        const { recovered } = yield* look();
        assert.deepStrictEqual([have(recovered), recovered.from], [[0, 1, 2], "hashed"]);
        const events = yield* Events;
        yield* events.end;
        const codes = (yield* Stream.runCollect(events.stream)).map((event) => event.type);
        // One for each of the two runs.
        assert.deepStrictEqual(codes, ["warning", "warning"]);
      }),
    ),
  );
});
