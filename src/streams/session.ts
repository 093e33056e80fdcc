/**
 * What surrounds the pipeline of one download: who we are, the listener, a magnet's metadata, the timers, and an orderly end. The pipeline itself is
 * in download.ts, where peers come from in sources.ts, the disk's side in prepare.ts.
 *
 * Life cycle: `runSession` is one download from the first announce to the last record. However it ends, the state is saved and the trackers
 * are told side by side, within the 3 seconds of a stop.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as NetAddress from "effect/net/NetAddress";
import type * as Dns from "effect/net/Dns";
import * as Option from "effect/Option";
import * as Random from "effect/Random";
import * as Result from "effect/Result";
import * as Scope from "effect/Scope";
import { type DownloadError, DownloadFailed } from "../schema/errors/DownloadError.ts";
import type { Phase } from "../schema/events.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { parseInfo } from "../schema/metainfo/parse.ts";
import { makePeerId, PEER_ID_RANDOM_LENGTH } from "../schema/peerId.ts";
import { VERSION } from "../schema/version.ts";
import type { Bans } from "../services/Bans.ts";
import type { Choker } from "../services/Choker/Choker.ts";
import { Events } from "../services/Events.ts";
import { Hasher } from "../services/Hasher.ts";
import type { Picker } from "../services/Picker/Picker.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { Storage } from "../services/Storage/Storage.ts";
import type { Tracker } from "../services/Tracker/Tracker.ts";
import { type Listener, Transport } from "../services/Transport/Transport.ts";
import { Blaming } from "./blaming.ts";
import { type Candidates, makeCandidates } from "./candidates.ts";
import { chokeRounds, ticks } from "./choking.ts";
import { makeMetadataExchange } from "./metadata.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { reportProgress } from "./progress.ts";
import type { DownloadRequest } from "./request.ts";
import { addNamedPeers, addTrackerPeers, originsOf, watchTrackers } from "./sources.ts";
import { makeSwarm, Swarm, type SwarmState } from "./Swarm.ts";
import { monotonicMillis } from "./time.ts";

/** What a session needs. */
export type SessionServices = Transport | Tracker | Dns.Dns | Storage | ResumeStore | Hasher | Picker | Choker | Bans;

/** What the pipeline needs of its session. */
export interface Session {
  readonly candidates: Candidates;
  readonly listener: Listener | undefined;
  readonly bind: NetAddress.IpAddress | undefined;
  readonly maxPeers: number;
  /** A piece is verified and on disk. */
  readonly stored: (index: number) => void;
}

/** The pipeline of a session; it ends only by failing or being interrupted. */
export type Pipeline = (
  session: Session,
) => Effect.Effect<void, DownloadError, Swarm | Blaming | Events | Transport | Bans | Hasher>;

/** Listens; a port that is taken is a warning and another one is used, no port at all is a warning too. */
const listen = Effect.fnUntraced(function* (request: DownloadRequest, bind: NetAddress.IpAddress | undefined) {
  const transport = yield* Transport;
  const events = yield* Events;
  const warn = (message: string) => events.publish({ type: "warning", code: "port.unavailable", message });
  return yield* transport.listen({ port: request.port, address: bind }).pipe(
    Effect.catchIf(
      () => request.port !== 0,
      (error) =>
        Effect.andThen(
          warn(`port ${request.port} cannot be listened on (${error.message}); using another one`),
          transport.listen({ port: 0, address: bind }),
        ),
    ),
    Effect.map((listener): Listener | undefined => listener),
    Effect.catch((error) =>
      Effect.as(warn(`no port can be listened on (${error.message}); peers cannot reach us`), undefined),
    ),
  );
});

const peerIdOf = Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, 255), PEER_ID_RANDOM_LENGTH), (random) =>
  makePeerId(VERSION, Uint8Array.from(random)),
);

/** Fails once nothing of use has arrived for `timeout` milliseconds. */
const watchdog = Effect.fnUntraced(function* (name: string, timeout: number, swarm: SwarmState) {
  const clock = yield* Clock.Clock;
  swarm.totals.lastUseful = monotonicMillis(clock);
  while (true) {
    const left = swarm.totals.lastUseful + timeout - monotonicMillis(clock);
    if (left <= 0) {
      const waiting = swarm.members.size === 0 ? "no peer connected" : `${swarm.members.size} peers connected`;
      return yield* new DownloadFailed({ name, reason: { _tag: "NoProgress", seconds: timeout / 1000, waiting } });
    }
    yield* Effect.sleep(left);
  }
});

/** Runs one download to its end around `pipeline`. */
export const runSession = Effect.fnUntraced(function* (
  request: DownloadRequest,
  pipeline: Pipeline,
): Effect.fn.Return<void, DownloadError, SessionServices | Events | Scope.Scope> {
  const { source } = request;
  const events = yield* Events;
  const hasher = yield* Hasher;
  const resume = yield* ResumeStore;
  const clock = yield* Clock.Clock;
  const startedAt = monotonicMillis(clock);
  const model = source._tag === "Magnet" ? source.magnet : source.metainfo.info;
  const { infoHash } = model;
  const name = model.name ?? infoHash.hex;
  if (model.infoHashV1 === undefined)
    return yield* new DownloadFailed({ name, reason: { _tag: "VersionUnsupported" } });

  /** The model of an info dictionary whose hash fits. */
  const read = (bytes: Uint8Array): Effect.Effect<TorrentInfo, DownloadFailed> =>
    Result.match(parseInfo(bytes, hasher), {
      onSuccess: Effect.succeed,
      onFailure: (error) =>
        Effect.fail(new DownloadFailed({ name, reason: { _tag: "BadMetadata", why: error.message } })),
    });
  const kept =
    source._tag === "Magnet" ? yield* Effect.orElseSucceed(resume.loadInfo(infoHash), Option.none) : Option.none();
  const known =
    source._tag === "Metainfo" ? source.metainfo.info : Option.isSome(kept) ? yield* read(kept.value) : undefined;

  let prepared: Prepared | undefined;
  let phase: Phase = known === undefined ? "metadata" : "checking";
  const complete = yield* Deferred.make<void, DownloadError>();
  const completed = Latch.makeUnsafe(false);

  const getReady = Effect.fnUntraced(function* (info: TorrentInfo) {
    phase = "checking";
    const ready = yield* prepare(info, request);
    prepared = ready;
    phase = "downloading";
    return ready;
  });
  const finish = Effect.fnUntraced(function* (ready: Prepared, swarm: SwarmState | undefined) {
    phase = "finishing";
    yield* ready.finish;
    yield* events.publish({
      type: "complete",
      output: ready.root,
      size: ready.selectedSize,
      downloaded: swarm?.totals.downloaded ?? 0,
      uploaded: swarm?.totals.uploaded ?? 0,
      seconds: (monotonicMillis(clock) - startedAt) / 1000,
    });
  });

  const first = known === undefined ? undefined : yield* getReady(known);
  if (first !== undefined && first.torrent.table.missing() === 0) return yield* finish(first, undefined);

  const origins = originsOf(request);
  if (origins.tiers.length === 0 && origins.peers.length === 0)
    return yield* new DownloadFailed({ name, reason: { _tag: "NothingToAsk" } });

  const bind = request.bind === undefined ? undefined : Result.getOrUndefined(NetAddress.ipFromString(request.bind));
  const listener = yield* listen(request, bind);
  const port = listener?.addresses[0].port;
  const peerId = yield* peerIdOf;
  const arrived = yield* Deferred.make<Uint8Array>();
  const metadata = makeMetadataExchange({
    infoHash,
    known: known?.bytes,
    sha1: hasher.sha1,
    arrived: (bytes) => void Deferred.doneUnsafe(arrived, Effect.succeed(bytes)),
    useful: (_bytes, now) => {
      swarm.totals.lastUseful = now;
    },
  });
  const swarm = yield* makeSwarm({ infoHash, peerId, metadata, port: () => port });
  const candidates = yield* makeCandidates({ own: listener?.addresses ?? [] });
  if (first !== undefined) swarm.attach(first.torrent);

  yield* events.publish({
    type: "started",
    infoHash: infoHash.hex,
    name,
    output: prepared?.root ?? request.out ?? request.folder,
    ...(known !== undefined && { size: known.totalLength }),
    ...(port !== undefined && { port }),
  });

  const learn = Effect.gen(function* () {
    const bytes = yield* Deferred.await(arrived);
    const info = yield* read(bytes);
    yield* Effect.ignore(resume.saveInfo(infoHash, bytes));
    const ready = yield* getReady(info);
    swarm.attach(ready.torrent);
    if (ready.torrent.table.missing() === 0) yield* Deferred.succeed(complete, undefined);
  });
  const session: Session = {
    candidates,
    listener,
    bind,
    maxPeers: request.maxPeers,
    stored: (index) => {
      prepared?.wrote(index);
      if (prepared?.torrent.table.missing() === 0) Deferred.doneUnsafe(complete, Effect.void);
    },
  };
  const stats = () => {
    const { downloaded, uploaded } = swarm.totals;
    return { downloaded, uploaded, left: prepared?.left() ?? UNKNOWN_LEFT };
  };
  const trackers = watchTrackers(events, origins.tiers.flat().length);
  const announceScope = yield* Scope.make();
  yield* addTrackerPeers({
    origins,
    candidates,
    infoHash,
    peerId,
    port,
    private: known?.private ?? false,
    stats,
    completed,
    hungry: Latch.makeUnsafe(true),
  }).pipe(Effect.provideService(Events, trackers.events), Effect.forkIn(announceScope));

  const work = Effect.raceAllFirst([
    pipeline(session),
    addNamedPeers(origins, candidates).pipe(Effect.andThen(Effect.never)),
    known === undefined ? Effect.andThen(learn, Effect.never) : Effect.never,
    chokeRounds,
    ticks,
    reportProgress({
      swarm,
      phase: () => phase,
      selected: () => prepared?.selected,
      known: candidates.known,
      trackers: trackers.standing,
    }),
    request.timeout === undefined ? Effect.never : watchdog(name, request.timeout, swarm),
    Deferred.await(swarm.broken),
    Deferred.await(complete),
  ]).pipe(Effect.provide(Blaming.layer), Effect.provideService(Swarm, swarm));

  return yield* work.pipe(
    Effect.andThen(
      Effect.suspend(() => {
        Latch.openUnsafe(completed);
        return prepared === undefined ? Effect.void : finish(prepared, swarm);
      }),
    ),
    Effect.onExit((exit) =>
      Effect.all([Scope.close(announceScope, exit), prepared?.stop ?? Effect.void], {
        concurrency: "unbounded",
        discard: true,
      }),
    ),
  );
}, Effect.scoped);

/** Bytes that trackers are told are left while the size is unknown: some, so that we are not taken for a seed (protocols §2). */
const UNKNOWN_LEFT = 16_384;
