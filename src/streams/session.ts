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
import { UdpRelay } from "../services/Datagrams/relay.ts";
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
import { makeDiscovery } from "./discovery.ts";
import { makeDisk } from "./disk.ts";
import { makeEntrance } from "./entrance.ts";
import { identify } from "./identity.ts";
import { type Goal, tellFetched, tellKnown } from "./goal.ts";
import { watchHunger } from "./hunger.ts";
import { makeExplainer, reportCauses, reportRelay } from "./explaining.ts";
import { learnAlone, learnContent } from "./learning.ts";
import { listen } from "./listening.ts";
import { makeMeeting } from "./meeting.ts";
import { pacing } from "./pacing.ts";
import { observe } from "./observing.ts";
import { reportProgress } from "./progress.ts";
import type { DownloadRequest } from "./request.ts";
import { share } from "./sharing.ts";
import { addNamedPeers, addTrackerPeers, isNamed, originsOf } from "./sources.ts";
import { Swarm, type Totals } from "./Swarm.ts";
import { makeTelling } from "./telling.ts";
import { monotonicMillis } from "../services/time.ts";
import { makeVantage } from "./vantage.ts";
import { watchdog } from "./watchdog.ts";
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
  const { behindProxy, listener } = yield* listen(request.port, request.bind, name);
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
  if (first !== undefined) swarm.attach(first.torrent, monotonicMillis(clock));
  const announcing = yield* Scope.fork(scope);
  const hungry = Latch.makeUnsafe(false);
  const announces = yield* addTrackerPeers({
    origins,
    candidates,
    names,
    peerId: swarm.peerId,
    entrance,
    secluded: discovery.secluded,
    stats: () => telling.stats(disk),
    completed: telling.completed,
    hungry,
    swarm,
    seenAt: swarm.vantage.seenAt,
  }).pipe(Effect.provideService(Events, observed.events), Effect.forkIn(announcing, { startImmediately: true }));

  const { download: limited } = yield* Bandwidth;
  const { lost: relayLost } = yield* UdpRelay;
  const causes = makeExplainer({
    swarm,
    observed,
    phase: disk.phase,
    known: candidates.known,
    otherSources: () => [...discovery.asked(), ...webSeeds.asked()],
    relayLost,
    behindProxy,
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
    stored: disk.wrote,
  };
  const learning = { identity, discovery, arrived: metadata };
  const work = Effect.raceAllFirst([
    pipeline(session),
    goal._tag === "Metadata"
      ? tellFetched(goal, source, {
          info: known === undefined ? learnAlone(learning) : Effect.succeed(known),
          asked: { swarm, timeout: request.timeout },
        })
      : first === undefined
        ? learnContent(learning, disk)
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
    reportRelay(relayLost),
    request.timeout === undefined ? Effect.never : watchdog(name, request.timeout, disk),
    Deferred.await(swarm.broken),
    Effect.andThen(disk.complete, request.seed ? Effect.andThen(finish, share(request, disk)) : Effect.void),
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
