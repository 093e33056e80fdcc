/** Runs of a small torrent that are recorded, on a machine in memory; for the tests of the recorder. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { wantedPieces } from "../../src/schema/geometry.ts";
import type { PartialPiece } from "../../src/schema/resume.ts";
import { ResumeStore } from "../../src/services/ResumeStore/ResumeStore.ts";
import { Storage, type OpenStorage } from "../../src/services/Storage/Storage.ts";
import { openOutput } from "../../src/streams/output.ts";
import { makeRecorder } from "../../src/streams/recorder.ts";
import { recover } from "../../src/streams/resume.ts";
import { makePieceHashes } from "../../src/schema/pieceHashes.ts";
import { digests } from "../support/digests.ts";
import { requestFor, torrentOf } from "./disk.ts";

/** Five pieces of 16 bytes in three files. */
export const { info, bytes } = torrentOf([{ length: 40 }, { length: 32 }, { length: 8 }]);
const key = { infoHash: info.infoHash, root: "/d/name" };

/** Begins a run in the scope at hand; it holds no lock, as if its process could die at any moment. */
export const begin = (
  options: {
    readonly partial?: ReadonlyArray<PartialPiece>;
    readonly spoil?: (storage: OpenStorage) => OpenStorage;
    readonly also?: Effect.Effect<void>;
  } = {},
) =>
  Effect.gen(function* () {
    const output = yield* Effect.scoped(openOutput(info, requestFor(info)));
    const opened = yield* (yield* Storage).open(output.layout);
    const storage = options.spoil?.(opened) ?? opened;
    const recovered = yield* recover({
      info,
      hashes: makePieceHashes(info, digests.sha256),
      output,
      storage,
      check: false,
      overwrite: false,
    });
    const recorder = yield* makeRecorder({
      output,
      storage,
      recovered,
      info,
      wanted: wantedPieces(info),
      traffic: () => ({ downloaded: 5, uploaded: 3 }),
      peers: () => ["10.0.0.1:6881"],
      also: options.also ?? Effect.void,
      partial: Effect.succeed(options.partial ?? []),
    });
    const put = (index: number) =>
      Effect.andThen(
        storage.write(index * 16, bytes.subarray(index * 16, index * 16 + 16)),
        Effect.sync(() => recorder.wrote(index)),
      );
    return { storage, recovered, recorder, put };
  });

/** What is on record of it. */
export const load = Effect.map(
  ResumeStore.use((store) => store.load(key)),
  Option.getOrThrow,
);
/** The pieces in a set. */
export const indices = (set: Uint8Array): ReadonlyArray<number> =>
  Array.from({ length: info.pieceCount }, (_, index) => index).filter((index) => Bitfield.has(set, index));
