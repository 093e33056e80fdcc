/**
 * What a download looks like from outside, once a second: numbers and, where it does not get on, what it waits for and why. It reads, it changes
 * nothing.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Bitfield from "../schema/bitfield.ts";
import type { Phase, Progress } from "../schema/events.ts";
import type { Cause } from "../schema/explain.ts";
import { fileSpans, pieceLength, pieceOffset, wantedPieces } from "../schema/geometry.ts";
import { Events } from "../services/Events.ts";
import { monotonicMillis } from "../services/time.ts";
import type { SwarmState } from "./Swarm.ts";
import type { Torrent } from "./torrent.ts";

/** Between two `progress` events while hashing, in milliseconds. */
const CHECK_PROGRESS = 500;

/** Between two `progress` events, in milliseconds. */
const INTERVAL = 1_000;
/** Files shown one by one at the most. */
const MAX_FILES = 16;
/** Causes by which a download is slow although something comes; the others end with the first byte. */
const HELD_BACK: ReadonlySet<string> = new Set(["limit-reached", "disk-slow"]);
/** Weight of the last second in the rates that are shown; of less than a second, so much less. */
const SMOOTHING = 0.4;

/** What progress is made of. */
export interface ProgressSources {
  readonly swarm: SwarmState;
  readonly phase: () => Phase;
  /** Payload bytes sent, as a multiple of the size. */
  readonly ratio: () => number;
  /** Indices of the files chosen; absent for all. */
  readonly selected: () => ReadonlyArray<number> | undefined;
  /** Addresses known, connected or not. */
  readonly known: () => number;
  /** Why it is slow or stuck; its first cause is what the download waits for. */
  readonly causes: (now: number) => ReadonlyArray<Cause>;
}

/** Counts the bytes of each file that lie in pieces we have; looks only at what changed since the last call. */
const makeFileCounts = (): ((torrent: Torrent) => Float64Array) => {
  let seen = new Uint8Array(0);
  let counts = new Float64Array(0);
  return ({ info, table }) => {
    if (counts.length !== info.files.length) counts = new Float64Array(info.files.length);
    if (seen.length !== table.haveBits.length) seen = new Uint8Array(table.haveBits.length);
    for (let byte = 0; byte < seen.length; byte++) {
      const changed = (seen[byte] ?? 0) ^ (table.haveBits[byte] ?? 0);
      if (changed === 0) continue;
      seen[byte] = table.haveBits[byte] ?? 0;
      for (let index = byte * 8; index < byte * 8 + 8; index++) {
        if ((changed & (0x80 >>> (index & 7))) === 0) continue;
        const sign = table.have(index) ? 1 : -1;
        for (const span of fileSpans(info.files, pieceOffset(info, index), pieceLength(info, index)))
          counts[span.file] = (counts[span.file] ?? 0) + sign * span.length;
      }
    }
    return counts;
  };
};

/** Counts the pieces that the chosen files lie in, and those of them that we have. What is chosen does not change once the torrent is known. */
const makePieceCounts = (): ((
  torrent: Torrent,
  chosen: ReadonlyArray<number>,
) => Pick<Progress, "pieces" | "pieceCount">) => {
  let wanted: Uint8Array | undefined;
  return ({ info, table }, chosen) => {
    wanted ??= wantedPieces(info, chosen);
    return {
      pieces: Bitfield.count(Bitfield.intersection(wanted, table.haveBits)),
      pieceCount: Bitfield.count(wanted),
    };
  };
};

/** A function that gives the state of the download at each call, rates smoothed between calls. */
export const makeSnapshots = (sources: ProgressSources): ((now: number) => Progress) => {
  const { swarm } = sources;
  let last = { at: 0, down: 0, up: 0 };
  let downloadRate = 0;
  let uploadRate = 0;
  const fileCounts = makeFileCounts();
  const pieceCounts = makePieceCounts();
  return (now) => {
    const { downloaded, uploaded } = swarm.totals;
    const seconds = Math.max((now - last.at) / 1000, 0.001);
    if (last.at > 0) {
      const weight = 1 - (1 - SMOOTHING) ** seconds;
      downloadRate += weight * ((downloaded - last.down) / seconds - downloadRate);
      uploadRate += weight * ((uploaded - last.up) / seconds - uploadRate);
      if (downloadRate < 1) downloadRate = 0;
      if (uploadRate < 1) uploadRate = 0;
    }
    last = { at: now, down: downloaded, up: uploaded };
    const torrent = swarm.torrent();
    const metadata = swarm.metadata.progress();
    const chosen =
      torrent === undefined
        ? []
        : (sources.selected() ?? [...torrent.info.files.keys()]).filter((i) => torrent.info.files[i]?.pad === false);
    const counts = torrent === undefined ? undefined : fileCounts(torrent);
    const done = chosen.map((i) => counts?.[i] ?? 0);
    const total =
      torrent === undefined ? metadata.total : chosen.reduce((sum, i) => sum + (torrent.info.files[i]?.length ?? 0), 0);
    const sum = torrent === undefined ? metadata.done : done.reduce((a, b) => a + b, 0);
    const members = [...swarm.members];
    const [cause] = sources.causes(now);
    const reason = downloadRate > 0 && !(cause && HELD_BACK.has(cause.code)) ? undefined : cause?.message;
    return {
      type: "progress",
      phase: sources.phase(),
      done: sum,
      total,
      downloadRate: Math.round(downloadRate),
      uploadRate: Math.round(uploadRate),
      downloaded,
      uploaded,
      ...(sources.phase() === "seeding" && { ratio: sources.ratio() }),
      ...(downloadRate > 0 && torrent !== undefined && { eta: Math.ceil((total - sum) / downloadRate) }),
      peers: members.length,
      seeds: members.filter((member) => member.isSeed()).length,
      choking: members.filter((member) => member.choking()).length,
      known: sources.known(),
      ...(torrent === undefined ? { pieces: 0, pieceCount: 0 } : pieceCounts(torrent, chosen)),
      ...(chosen.length > 0 && chosen.length <= MAX_FILES && { files: done }),
      ...(reason !== undefined && { waiting: reason }),
    };
  };
};

/** Publishes a `progress` event each second for as long as it runs, and a last one when it ends, so that the sums are whole. */
export const reportProgress = (sources: ProgressSources): Effect.Effect<never, never, Events> =>
  Effect.gen(function* () {
    const events = yield* Events;
    const clock = yield* Clock.Clock;
    const snapshot = makeSnapshots(sources);
    const tell = Effect.sync(() => events.publishUnsafe(snapshot(monotonicMillis(clock))));
    return yield* Effect.forever(Effect.andThen(tell, Effect.sleep(INTERVAL))).pipe(Effect.ensuring(tell));
  });

/** Publishes what the hashing of files on disk has looked at, not too often. */
export const tellChecking = Effect.gen(function* () {
  const events = yield* Events;
  const clock = yield* Clock.Clock;
  let next = -Infinity;
  return (done: number, total: number): void => {
    const now = monotonicMillis(clock);
    if (now < next || total === 0) return;
    next = now + CHECK_PROGRESS;
    events.publishUnsafe({
      type: "progress",
      phase: "checking",
      done,
      total,
      downloadRate: 0,
      uploadRate: 0,
      downloaded: 0,
      uploaded: 0,
      peers: 0,
      seeds: 0,
      choking: 0,
      known: 0,
      pieces: 0,
      pieceCount: 0,
    });
  };
});
