/**
 * What surrounds the pipeline of one download, from the first announce to the last record. The pipeline itself is in download.ts; who we are, where
 * peers come from, the disk and the timers are rooms of their own, put together here.
 *
 * Life cycle: however a session ends, the state is saved and the trackers are told side by side, within the 3 seconds of a stop.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import * as Scope from "effect/Scope";
import { makeBlame } from "../schema/blame.ts";
import { type DownloadError, DownloadFailed } from "../schema/errors/DownloadError.ts";
import { Bandwidth } from "../services/Bandwidth.ts";
import type { Bans } from "../services/Bans.ts";
import type { Choker } from "../services/Choker/Choker.ts";
import type { Dht } from "../services/Dht/Dht.ts";
import { Events } from "../services/Events.ts";
import { Hasher } from "../services/Hasher.ts";
import type { LocalDiscovery } from "../services/LocalDiscovery.ts";
import type { Picker } from "../services/Picker/Picker.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { Storage } from "../services/Storage/Storage.ts";
import type { Tracker } from "../services/Tracker/Tracker.ts";
import { Transport } from "../services/Transport/Transport.ts";
import type { WebSeed } from "../services/WebSeed/WebSeed.ts";
import { makeAcquaintances } from "./acquaintances.ts";
import { Blaming } from "./blaming.ts";
import { makeCandidates } from "./candidates.ts";
import { chokeRounds, ticks } from "./choking.ts";
import type { ConnectionOptions } from "./connections.ts";
import { type Discovery, makeDiscovery } from "./discovery.ts";
import { type Disk, makeDisk } from "./disk.ts";
import { makeEncryption } from "./encryption.ts";
import { makeHolepunch } from "./holepunch.ts";
import { type Identity, identify } from "./identity.ts";
import { watchHunger } from "./hunger.ts";
import { makeExplainer, reportCauses } from "./explaining.ts";
import { freshPeerId, listen } from "./listening.ts";
import { makeMetadataExchange } from "./metadata.ts";
import { pacing } from "./pacing.ts";
import { observe } from "./observing.ts";
import { reportProgress } from "./progress.ts";
import type { DownloadRequest } from "./request.ts";
import { share } from "./sharing.ts";
import { addNamedPeers, addTrackerPeers, originsOf } from "./sources.ts";
import { makeSwarm, Swarm, type SwarmState, type Totals } from "./Swarm.ts";
import { monotonicMillis } from "./time.ts";
import { makeWebSeeds, type WebSeeds } from "./webSeeds/webSeeds.ts";

/** What a session needs. */
export type SessionServices =
  | Transport
  | Tracker
  | Dns.Dns
  | Storage
  | ResumeStore
  | Hasher
  | Picker
  | Choker
  | Bandwidth
  | Dht
  | LocalDiscovery
  | WebSeed
  | SecureRandom
  | Bans;

/** What the pipeline needs of its session. */
export interface Session extends ConnectionOptions {
  readonly webSeeds: WebSeeds;
  /** A piece is verified and on disk. */
  readonly stored: (index: number) => void;
}

/** The pipeline of a session; it ends only by failing or being interrupted. */
export type Pipeline = (
  session: Session,
) => Effect.Effect<void, DownloadError, Swarm | Blaming | Events | Transport | Bans | Bandwidth | Hasher>;

/** Fails once nothing of use has arrived for `timeout` milliseconds while something is missing. */
const watchdog = Effect.fnUntraced(function* (name: string, timeout: number, swarm: SwarmState, disk: Disk) {
  const clock = yield* Clock.Clock;
  swarm.totals.lastUseful = monotonicMillis(clock);
  while (true) {
    if (disk.isComplete()) return yield* Effect.never;
    const left = swarm.totals.lastUseful + timeout - monotonicMillis(clock);
    if (left <= 0) {
      const waiting = swarm.members.size === 0 ? "no peer connected" : `${swarm.members.size} peers connected`;
      return yield* new DownloadFailed({ name, reason: { _tag: "NoProgress", seconds: timeout / 1000, waiting } });
    }
    yield* Effect.sleep(left);
  }
});

/** The metadata of a magnet arrives: the disk is prepared and the peers are told. */
const learnMetadata = Effect.fnUntraced(function* (
  identity: Identity,
  disk: Disk,
  discovery: Discovery,
  arrived: Deferred.Deferred<Uint8Array>,
  complete: Deferred.Deferred<void>,
) {
  const swarm = yield* Swarm;
  const info = yield* identity.learn(yield* Deferred.await(arrived));
  discovery.learned(info.private, swarm);
  const { record, torrent } = yield* disk.prepare(info);
  swarm.attach(torrent);
  if (disk.isComplete()) yield* Deferred.succeed(complete, undefined);
  return yield* record;
});

/** Runs one download to its end around `pipeline`. */
export const runSession = Effect.fnUntraced(function* (
  request: DownloadRequest,
  pipeline: Pipeline,
): Effect.fn.Return<void, DownloadError, SessionServices | Events | Scope.Scope> {
  const events = yield* Events;
  const hasher = yield* Hasher;
  const clock = yield* Clock.Clock;
  const startedAt = monotonicMillis(clock);
  const identity = yield* identify(request);
  const { infoHash, known, name } = identity;
  const blame = makeBlame();
  const totals: Totals = { downloaded: 0, uploaded: 0, wasted: 0, lastUseful: startedAt };
  const bind = request.bind === undefined ? undefined : Result.getOrUndefined(NetAddress.ipFromString(request.bind));
  const listener = yield* listen(request.port, bind);
  const port = listener?.addresses[0].port;
  let begun = false;
  /** Told once: of the output where it is known at the start, else of the folder that it will be in. */
  const started = (output: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (begun) return Effect.void;
      begun = true;
      return events.publish({
        type: "started",
        infoHash: infoHash.hex,
        name,
        output,
        ...(known !== undefined && { size: known.totalLength }),
        ...(port !== undefined && { port }),
      });
    });
  const acquaintances = makeAcquaintances();
  const disk = makeDisk(request, { suspect: blame.suspect, totals, acquaintances, opened: started });

  const completed = Latch.makeUnsafe(false);
  const finish = Effect.gen(function* () {
    if (totals.downloaded > 0) yield* Latch.open(completed);
    yield* disk.finish;
    const prepared = disk.prepared();
    if (disk.left() > 0)
      return yield* events.publish({
        type: "warning",
        code: "seed.incomplete",
        message: `${name}: ${disk.left()} bytes are missing or damaged; the rest is shared`,
      });
    yield* events.publish({
      type: "complete",
      output: prepared?.root ?? "",
      size: prepared?.selectedSize ?? 0,
      downloaded: totals.downloaded,
      uploaded: totals.uploaded,
      seconds: (monotonicMillis(clock) - startedAt) / 1000,
    });
  });

  const first = known === undefined ? undefined : yield* disk.prepare(known);
  if (disk.isComplete() && !request.seed) return yield* Effect.ensuring(finish, disk.stop);
  const origins = originsOf(request);
  const candidates = yield* makeCandidates({ own: listener?.addresses ?? [] });
  const discovery = yield* makeDiscovery(request, {
    infoHash,
    isPrivate: known?.private,
    candidates,
    origins,
    port,
    isComplete: disk.isComplete,
  });
  const webSeeds = yield* makeWebSeeds(request);
  if (
    !disk.isComplete() &&
    // A magnet's web seeds do not have its metadata.
    (webSeeds.count === 0 || known === undefined) &&
    !discovery.isUsed() &&
    origins.tiers.length === 0 &&
    origins.peers.length === 0
  )
    return yield* new DownloadFailed({ name, reason: { _tag: "NothingToAsk" } });

  yield* started(request.out ?? request.folder);

  const peerId = yield* freshPeerId;
  const arrived = yield* Deferred.make<Uint8Array>();
  const complete = yield* Deferred.make<void>();
  const metadata = makeMetadataExchange({
    infoHash,
    known: known?.bytes,
    sha1: hasher.sha1,
    arrived: (bytes) => void Deferred.doneUnsafe(arrived, Effect.succeed(bytes)),
    useful: (_bytes, now) => {
      totals.lastUseful = now;
    },
  });
  const { dht, exchange } = discovery;
  discovery.recall(first?.peers ?? []);
  const { dialUtp } = yield* Transport;
  const holepunch = yield* makeHolepunch({ isUsed: () => dialUtp !== undefined && exchange.isUsed() });
  const encryption = yield* makeEncryption(request.encryption, infoHash);
  const swarm = yield* makeSwarm({
    infoHash,
    peerId,
    metadata,
    totals,
    port: () => port,
    dht,
    exchange,
    acquaintances,
    encryption,
    holepunch,
    superSeed: request.superSeed,
  });
  if (first !== undefined) swarm.attach(first.torrent);
  if (disk.isComplete()) yield* Deferred.succeed(complete, undefined);
  const { download: limited } = yield* Bandwidth;
  const observed = observe(events, clock);
  const causes = makeExplainer({
    swarm,
    observed,
    phase: disk.phase,
    known: candidates.known,
    otherSources: discovery.asked,
    limit: limited.limit,
    startedAt,
  });
  const announcing = yield* Effect.flatMap(Effect.scope, Scope.fork);
  const hungry = Latch.makeUnsafe(false);
  yield* addTrackerPeers({
    origins,
    candidates,
    infoHash,
    peerId,
    port,
    private: known?.private ?? false,
    stats: () => ({ downloaded: totals.downloaded, uploaded: totals.uploaded, left: disk.left() }),
    completed,
    hungry,
  }).pipe(Effect.provideService(Events, observed.events), Effect.forkIn(announcing, { startImmediately: true }));

  const session: Session = {
    webSeeds,
    candidates,
    listener,
    bind,
    maxPeers: request.maxPeers,
    scope: yield* Effect.scope,
    stored: (index) => {
      disk.wrote(index);
      if (disk.isComplete()) Deferred.doneUnsafe(complete, Effect.void);
    },
  };
  const work = Effect.raceAllFirst([
    pipeline(session),
    first === undefined ? learnMetadata(identity, disk, discovery, arrived, complete) : first.record,
    addNamedPeers(origins, candidates).pipe(Effect.andThen(Effect.never)),
    discovery.search,
    watchHunger({ hungry, swarm, candidates, maxPeers: request.maxPeers }),
    chokeRounds,
    ticks,
    pacing,
    reportProgress({
      swarm,
      phase: disk.phase,
      ratio: disk.ratio,
      selected: () => disk.prepared()?.selected,
      known: candidates.known,
      causes,
    }),
    reportCauses(causes),
    request.timeout === undefined ? Effect.never : watchdog(name, request.timeout, swarm, disk),
    Deferred.await(swarm.broken),
    Effect.andThen(Deferred.await(complete), request.seed ? Effect.andThen(finish, share(request, disk)) : Effect.void),
  ]).pipe(
    Effect.provide(Blaming.layer(webSeeds.judged(blame))),
    Effect.provideService(Swarm, swarm),
    Effect.provideService(Events, observed.events),
  );

  return yield* work.pipe(
    Effect.andThen(request.seed ? Effect.void : finish),
    Effect.onExit((exit) =>
      Effect.all([Scope.close(announcing, exit), disk.stop], { concurrency: "unbounded", discard: true }),
    ),
  );
}, Effect.scoped);
