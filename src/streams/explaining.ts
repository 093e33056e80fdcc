/**
 * Says why a download is slow or stuck: collects what the rooms of a session know into one picture (schema/explain.ts judges it) and publishes the
 * causes when they change. It changes nothing.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Phase } from "../schema/events.ts";
import { type Cause, explain, type Situation } from "../schema/explain.ts";
import type { RelayLoss, UdpRelay } from "../services/Datagrams/relay.ts";
import { Events } from "../services/Events.ts";
import { makeCatchingUp } from "./assembler/backlog.ts";
import type { Observed } from "./observing.ts";
import type { SwarmState } from "./Swarm.ts";
import type { Torrent } from "./torrent.ts";
import { monotonicMillis } from "../services/time.ts";

/** Between two looks, in milliseconds. */
const INTERVAL = 1_000;

/** Where the picture comes from. */
export interface ExplainSources {
  readonly swarm: SwarmState;
  readonly observed: Observed;
  readonly phase: () => Phase;
  /** Addresses known, connected or not. */
  readonly known: () => number;
  /** Who is asked for peers beside the trackers, in words. */
  readonly otherSources: () => ReadonlyArray<string>;
  /** Why there is no relay behind a proxy, where there is none. */
  readonly relayLost: UdpRelay["lost"];
  readonly behindProxy: boolean;
  /** Limit on the download rate in bytes per second; absent when there is none. */
  readonly limit: () => number | undefined;
  /** Connections at the most. */
  readonly maxPeers: number;
  /** When the session began, in milliseconds of the monotonic clock. */
  readonly startedAt: number;
}

/** Wanted pieces that are kept back because nothing is known to judge them by. */
const unjudged = ({ hashes, table }: Torrent): number => {
  if (hashes.missing() === 0) return 0;
  let pieces = 0;
  for (let index = 0; index < table.pieceCount; index++)
    if (table.wanted(index) && !table.have(index) && !hashes.isKnown(index)) pieces++;
  return pieces;
};

/** A function that gives the causes at each call; `now` in milliseconds of the monotonic clock. */
export const makeExplainer = (sources: ExplainSources): ((now: number) => ReadonlyArray<Cause>) => {
  const { swarm, observed } = sources;
  let last = { at: sources.startedAt, downloaded: 0 };
  let rate = 0;
  let keepsUp: (() => boolean) | undefined;
  let behindSince = sources.startedAt;
  /** How far the disk is behind; not at all while there is none. */
  const diskAt = (now: number): Situation["disk"] => {
    const backlog = swarm.torrent()?.assembler.backlog;
    if (backlog !== undefined) keepsUp ??= makeCatchingUp(backlog);
    if (keepsUp?.() !== false) behindSince = now;
    return { waiting: backlog?.size() ?? 0, behind: now - behindSince };
  };
  return (now) => {
    const elapsed = now - last.at;
    if (elapsed >= INTERVAL / 2) {
      rate = ((swarm.totals.downloaded - last.downloaded) * 1000) / elapsed;
      last = { at: now, downloaded: swarm.totals.downloaded };
    }
    const torrent = swarm.torrent();
    const { offers } = swarm.metadata;
    return explain({
      now,
      phase: sources.phase(),
      downloadRate: rate,
      peers: [...swarm.members].map((member) => ({
        choking: member.choking(),
        wanted: member.weWant(),
        snubbed: member.snubbed(),
      })),
      known: sources.known(),
      unreachable: observed.unreachable(),
      trackers: observed.trackers(),
      otherSources: sources.otherSources(),
      relayLost: sources.relayLost(),
      port: swarm.port(),
      behindProxy: sources.behindProxy,
      incoming: observed.incoming(),
      running: now - sources.startedAt,
      disk: diskAt(now),
      limit: sources.limit(),
      maxPeers: sources.maxPeers,
      metadata: { offers: offers(), ...swarm.metadata.progress() },
      hashes: { missing: torrent === undefined ? 0 : unjudged(torrent), askable: swarm.hashes.fetching.askable() },
      rarest: torrent?.table.rarest() ?? 0,
    });
  };
};

/** Publishes the causes whenever others come to the front, for as long as it runs. */
export const reportCauses = (causesAt: (now: number) => ReadonlyArray<Cause>): Effect.Effect<never, never, Events> =>
  Effect.gen(function* () {
    const events = yield* Events;
    const clock = yield* Clock.Clock;
    let told = "";
    const look = (): void => {
      const causes = causesAt(monotonicMillis(clock));
      const codes = causes.map(({ code }) => code).join();
      if (codes === told) return;
      told = codes;
      events.publishUnsafe({ type: "explain", causes });
    };
    return yield* Effect.forever(Effect.andThen(Effect.sleep(INTERVAL), Effect.sync(look)));
  });

/** Warns each time that the relay of a proxy is lost, for as long as it runs: trackers, the DHT and peers by uTP are silent from then on. */
export const reportRelay = (lost: UdpRelay["lost"]): Effect.Effect<never, never, Events> =>
  Effect.gen(function* () {
    const events = yield* Events;
    let told: RelayLoss["since"] | undefined;
    const look = (): void => {
      const loss = lost();
      if (loss === undefined || loss.since === told) return;
      told = loss.since;
      const message = `the proxy ${loss.proxy} relays no UDP any more; UDP trackers, the DHT and uTP wait until it does: ${loss.why}`;
      events.publishUnsafe({ type: "warning", code: "proxy.relay-lost", message });
    };
    return yield* Effect.forever(Effect.andThen(Effect.sleep(INTERVAL), Effect.sync(look)));
  });
