/**
 * What surrounds the pipeline of one download, from the first announce to the last record. The pipeline itself is in download.ts; who we are, where
 * peers come from, the disk and the timers are rooms of their own, put together here.
 *
 * Life cycle: however a session ends, the state is saved and the trackers are told side by side, within the 3 seconds of a stop.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type * as Dns from "effect/net/Dns";
import * as Scope from "effect/Scope";
import { makeBlame } from "../schema/blame.ts";
import { type DownloadError, DownloadFailed } from "../schema/errors/DownloadError.ts";
import { Bandwidth } from "../services/Bandwidth.ts";
import type { Bans } from "../services/Bans.ts";
import type { Choker } from "../services/Choker/Choker.ts";
import type { Dht } from "../services/Dht/Dht.ts";
import { Events } from "../services/Events.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { LocalDiscovery } from "../services/LocalDiscovery.ts";
import type { Picker } from "../services/Picker/Picker.ts";
import { PortMapping } from "../services/PortMapping/PortMapping.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { Storage } from "../services/Storage/Storage.ts";
import type { Tracker } from "../services/Tracker/Tracker.ts";
import type { Transport } from "../services/Transport/Transport.ts";
import type { WebSeed } from "../services/WebSeed/WebSeed.ts";
import { makeAcquaintances } from "./acquaintances.ts";
import { Blaming } from "./blaming.ts";
import { makeCandidates } from "./candidates.ts";
import { chokeRounds, ticks } from "./choking.ts";
import type { ConnectionOptions } from "./connections.ts";
import { type Discovery, makeDiscovery } from "./discovery.ts";
import { type Disk, makeDisk } from "./disk.ts";
import { makeEntrance } from "./entrance.ts";
import { type Identity, identify } from "./identity.ts";
import { type Goal, tellFetched, tellKnown } from "./goal.ts";
import { watchHunger } from "./hunger.ts";
import { makeExplainer, reportCauses } from "./explaining.ts";
import { listen } from "./listening.ts";
import { makeMeeting } from "./meeting.ts";
import { pacing } from "./pacing.ts";
import { observe } from "./observing.ts";
import { reportProgress } from "./progress.ts";
import type { DownloadRequest } from "./request.ts";
import { share } from "./sharing.ts";
import { addNamedPeers, addTrackerPeers, isNamed, originsOf } from "./sources.ts";
import { Swarm, type SwarmState, type Totals } from "./Swarm.ts";
import { makeTelling } from "./telling.ts";
import { monotonicMillis } from "../services/time.ts";
import { makeVantage } from "./vantage.ts";
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
  | PortMapping
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
  swarm.attach(torrent, monotonicMillis(yield* Clock.Clock));
  if (disk.isComplete()) yield* Deferred.succeed(complete, undefined);
  return yield* record;
});

/** The metadata of a magnet arrives, and is all that is wanted: nobody is told more of us, and a private torrent is left by whom it must not have (BEP 27). */
const learnAlone = Effect.fnUntraced(function* (
  identity: Identity,
  discovery: Discovery,
  arrived: Deferred.Deferred<Uint8Array>,
) {
  const info = yield* identity.learn(yield* Deferred.await(arrived));
  if (info.private) discovery.learned(true, yield* Swarm);
  return info;
});

/** Runs one download around `pipeline` until `goal` is reached. */
export const runSession = Effect.fnUntraced(function* (
  request: DownloadRequest,
  pipeline: Pipeline,
  goal: Goal,
): Effect.fn.Return<void, DownloadError, SessionServices | Events | Scope.Scope> {
  const clock = yield* Clock.Clock;
  const scope = yield* Effect.scope;
  const observed = observe(yield* Events, clock);
  const identity = yield* identify(request);
  const { known, name, names } = identity;
  const { source } = request;
  if (yield* tellKnown(goal, source, known)) return;
  const listener = yield* listen(request.port, request.bind, name);
  const port = listener?.addresses[0].port;
  const blame = makeBlame();
  const acquaintances = makeAcquaintances();
  const totals: Totals = { downloaded: 0, uploaded: 0, wasted: 0, lastUseful: monotonicMillis(clock) };
  const telling = yield* makeTelling({ identity, port, totals, sharing: request.seed });
  const disk = makeDisk(request, { suspect: blame.suspect, totals, acquaintances, opened: telling.started });
  const finish = Effect.suspend(() => telling.finish(disk));

  const first = goal._tag === "Content" && known !== undefined ? yield* disk.prepare(known) : undefined;
  if (disk.isComplete() && !request.seed) return yield* Effect.ensuring(finish, disk.stop);

  const origins = originsOf(request, known?.private ?? false);
  const candidates = yield* makeCandidates({ own: listener?.addresses ?? [] });
  const vantage = makeVantage(port);
  const entrance = makeEntrance(port, vantage.seenAt);
  const discovery = yield* makeDiscovery(request, {
    names,
    isPrivate: known?.private,
    candidates,
    origins,
    port,
    entrance,
    isComplete: disk.isComplete,
  });
  const webSeeds = yield* makeWebSeeds(request);
  // A magnet's web seeds do not have its metadata.
  const askable = discovery.isUsed() || isNamed(origins) || (webSeeds.count > 0 && known !== undefined);
  if (!disk.isComplete() && !askable) return yield* new DownloadFailed({ name, reason: { _tag: "NothingToAsk" } });
  yield* telling.started(request.out ?? request.folder);
  discovery.recall(first?.peers ?? []);

  const { swarm, metadata } = yield* makeMeeting(request, {
    identity,
    discovery,
    acquaintances,
    totals,
    entrance,
    vantage,
  });
  const complete = yield* Deferred.make<void>();
  if (first !== undefined) swarm.attach(first.torrent, monotonicMillis(clock));
  if (disk.isComplete()) yield* Deferred.succeed(complete, undefined);
  const announcing = yield* Scope.fork(scope);
  const hungry = Latch.makeUnsafe(false);
  const announces = yield* addTrackerPeers({
    origins,
    candidates,
    names,
    peerId: swarm.peerId,
    entrance,
    private: known?.private ?? false,
    stats: () => {
      const left = disk.lacking();
      return {
        downloaded: totals.downloaded,
        uploaded: totals.uploaded,
        left,
        partialSeed: disk.isComplete() && left > 0,
      };
    },
    completed: telling.completed,
    hungry,
    swarm,
    seenAt: swarm.vantage.seenAt,
  }).pipe(Effect.provideService(Events, observed.events), Effect.forkIn(announcing, { startImmediately: true }));

  const { download: limited } = yield* Bandwidth;
  const causes = makeExplainer({
    swarm,
    observed,
    phase: disk.phase,
    known: candidates.known,
    otherSources: () => [...discovery.asked(), ...webSeeds.asked()],
    limit: limited.limit,
    maxPeers: request.maxPeers,
    startedAt: telling.startedAt,
  });
  const session: Session = {
    webSeeds,
    candidates,
    listener,
    bind: request.bind,
    maxPeers: request.maxPeers,
    scope,
    stored: (index) => {
      disk.wrote(index);
      if (disk.isComplete()) Deferred.doneUnsafe(complete, Effect.void);
    },
  };
  const work = Effect.raceAllFirst([
    pipeline(session),
    goal._tag === "Metadata"
      ? tellFetched(goal, source, {
          info: known === undefined ? learnAlone(identity, discovery, metadata) : Effect.succeed(known),
          asked: { swarm, timeout: request.timeout },
        })
      : first === undefined
        ? learnMetadata(identity, disk, discovery, metadata, complete)
        : first.record,
    addNamedPeers(origins, candidates).pipe(Effect.andThen(Effect.never)),
    Fiber.join(announces).pipe(Effect.andThen(Effect.never)),
    discovery.search,
    port === undefined ? Effect.never : PortMapping.use(({ hold }) => hold(port, entrance.granted)),
    watchHunger({ hungry, swarm, candidates, maxPeers: request.maxPeers }),
    chokeRounds,
    swarm.hashes.serving.run,
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
    Effect.andThen(goal._tag === "Content" && !request.seed ? finish : Effect.void),
    Effect.onExit((exit) =>
      Effect.all([Scope.close(announcing, exit), disk.stop], { concurrency: "unbounded", discard: true }),
    ),
  );
}, Effect.scoped);
