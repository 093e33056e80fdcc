/**
 * One connection to a web seed: asks for a run of blocks, puts what comes in place, and asks again. It takes its turns under a limit as peers do.
 *
 * Life cycle: runs until it is interrupted or its seed is given up; what did not come is given back then.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import type { WebSeedError } from "../../schema/errors/WebSeedError.ts";
import { fileSpans, pieceOffset, paddedLength } from "../../schema/geometry.ts";
import { httpSeedUrl, MAX_RANGE } from "../../schema/webSeed.ts";
import { DataSettings } from "../../schema/settings.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../schema/block.ts";
import { Bandwidth } from "../../services/Bandwidth.ts";
import { WebSeed } from "../../services/WebSeed/WebSeed.ts";
import type { Filled } from "../assembler/assembler.ts";
import type { Asker } from "../member.ts";
import { Swarm } from "../Swarm.ts";
import type { Torrent } from "../torrent.ts";
import { monotonicMillis } from "../../services/time.ts";
import { makePlacing } from "./placing.ts";
import { blocksIn, segmentsOf, takeRun } from "./runs.ts";
import type { Seed } from "./seed.ts";

/** Bytes asked for at first; doubled and halved with what the seed delivers. */
const FIRST_RUN = 1024 * 1024;
const LEAST_RUN = 256 * 1024;
/** A run that took less than this may be twice as long, one that took three times as long is cut to half. In milliseconds. */
const QUICK = 2_000;
/** Between two looks whether there is something to ask for, when nobody woke us. In milliseconds. */
const LOOK = 500;
/** Of the free buffers one connection takes this part at the most, so that peers and other connections find some. */
const SHARE = 4;

const ZEROS = new Uint8Array(BLOCK_LENGTH);

/** What the connections of one download share. */
export interface ConnectionContext {
  readonly torrent: Torrent;
  /** The URL of a file under a seed. */
  readonly fileUrl: (seed: string, file: number) => string;
  readonly sequential: boolean;
  readonly filled: (runs: Array<Filled>) => void;
  /** A request failed, and people should hear of it. */
  readonly report: (error: WebSeedError) => void;
}

/** Which file was asked for when it failed. */
interface Failure {
  readonly error: WebSeedError;
  readonly file: number | undefined;
}

/** Fetches from the seed for as long as it runs. */
export const connect = Effect.fnUntraced(function* (
  seed: Seed,
  context: ConnectionContext,
): Effect.fn.Return<void, never, Swarm | Bandwidth | WebSeed | Scope.Scope> {
  const swarm = yield* Swarm;
  const web = yield* WebSeed;
  const { download } = yield* Bandwidth;
  const { runLength } = yield* DataSettings;
  const clock = yield* Clock.Clock;
  const { torrent } = context;
  const { assembler, info } = torrent;
  const now = (): number => monotonicMillis(clock);
  const asked = Latch.makeUnsafe(false);
  let job: ReadonlyArray<BlockSpan> = [];
  let most = FIRST_RUN;

  const placing = makePlacing({
    assembler,
    slot: seed.slot,
    address: seed.shown,
    now,
    filled: context.filled,
    arrived: (length, useful) => {
      if (!useful) {
        swarm.totals.wasted += length;
        return;
      }
      swarm.totals.downloaded += length;
      swarm.totals.lastUseful = now();
      seed.succeeded();
    },
  });

  const refill: Asker["refill"] = (at, quota = download.limited() ? 0 : Number.POSITIVE_INFINITY) => {
    if (job.length > 0 || seed.wait(at) > 0) return 0;
    const buffers = Math.max(Math.floor((assembler.buffersCapacity - assembler.buffersUsed()) / SHARE), 1);
    const room = Math.min(most, quota, buffers * Math.min(info.pieceLength, runLength));
    const count = blocksIn(Math.max(room, Math.min(quota, BLOCK_LENGTH)));
    if (count === 0) return 0;
    job = takeRun(torrent, {
      contributor: placing.contributor,
      count,
      sequential: context.sequential,
      single: seed.kind === "pieces",
      late: !seed.isBusy(),
    });
    if (job.length === 0) return 0;
    seed.busy(1);
    placing.begin(job);
    const bytes = job.reduce((sum, { length }) => sum + length, 0);
    // What waits may run at once, and be done with the job.
    Latch.openUnsafe(asked);
    return bytes;
  };

  const fetchFiles = Effect.fnUntraced(function* (segment: ReadonlyArray<BlockSpan>) {
    const [first] = segment;
    if (first === undefined) return;
    const length = segment.reduce((sum, block) => sum + block.length, 0);
    for (const span of fileSpans(info.files, pieceOffset(info, first.index) + first.begin, length)) {
      const file = info.files[span.file];
      if (file === undefined) continue;
      if (file.pad) {
        for (let left = span.length; left > 0; left -= ZEROS.length) placing.push(ZEROS.subarray(0, left));
        continue;
      }
      yield* web
        .fetch({
          url: context.fileUrl(seed.url, span.file),
          length: span.length,
          part: { from: span.offset, total: file.length },
          onBytes: placing.push,
        })
        .pipe(Effect.mapError((error): Failure => ({ error, file: span.file })));
    }
  });

  const fetchPiece = (segment: ReadonlyArray<BlockSpan>): Effect.Effect<void, Failure> => {
    const index = segment[0]?.index ?? 0;
    const length = segment.reduce((sum, block) => sum + block.length, 0);
    const ranges = segmentsOf(segment, info.pieceLength, false).map((run) => ({
      from: run[0]?.begin ?? 0,
      to: (run.at(-1)?.begin ?? 0) + (run.at(-1)?.length ?? 0),
    }));
    const isWhole = length === paddedLength(info, index);
    return web
      .fetch({
        url: httpSeedUrl(seed.url, info.infoHash, { index, ranges: isWhole ? [] : ranges }),
        length,
        onBytes: placing.push,
      })
      .pipe(Effect.mapError((error): Failure => ({ error, file: undefined })));
  };

  const fetchJob = Effect.gen(function* () {
    const byPiece = seed.kind === "pieces";
    for (const segment of segmentsOf(job, info.pieceLength, byPiece)) {
      if (!placing.awaits(segment)) continue;
      placing.next(segment);
      yield* byPiece ? fetchPiece(segment) : fetchFiles(segment);
    }
  });

  const work = Effect.gen(function* () {
    const began = now();
    const failure = Option.getOrUndefined(
      yield* fetchJob.pipe(
        Effect.flip,
        Effect.option,
        Effect.ensuring(
          Effect.sync(() => {
            placing.close();
            job = [];
            seed.busy(-1);
          }),
        ),
      ),
    );
    const took = now() - began;
    if (took < QUICK) most = Math.min(most * 2, MAX_RANGE);
    else if (took > QUICK * 3) most = Math.max(most / 2, LEAST_RUN);
    if (failure !== undefined && seed.failed(failure.error, failure.file, now())) context.report(failure.error);
  });

  // What was assigned between two looks, if the end came then.
  yield* Effect.addFinalizer(() => Effect.sync(placing.close));
  yield* swarm.enlist({ refill });
  const loop = Effect.gen(function* () {
    Latch.closeUnsafe(asked);
    if (job.length === 0) refill(now());
    if (job.length > 0) return yield* work;
    const wait = Math.max(seed.wait(now()), LOOK);
    yield* Effect.timeoutOption(Latch.await(asked), wait);
    if (job.length > 0) yield* work;
  });
  yield* Effect.raceFirst(Effect.forever(loop), Deferred.await(seed.gone));
});
