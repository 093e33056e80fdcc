/**
 * Trackers inside the process, for tests: a registry of swarms per URL, and a script per URL of how it behaves. No network, no bytes; time is
 * the `Clock`'s, so `TestClock` drives it.
 *
 * Life cycle: the registry lives as long as the `MemoryTrackers` layer, which the clients of one simulated network share.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import type * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import { TrackerError, type TrackerReason } from "../../schema/errors/TrackerError.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import { NO_COUNTS } from "../../schema/scrape.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";
import { Tracker } from "./Tracker.ts";

/** How a tracker treats announces: it waits, then fails, or answers from the registry with what is given here on top. */
export interface Behaviour {
  readonly delay?: Duration.Input;
  readonly fail?: TrackerReason;
  /** Takes the place of what the registry would answer. */
  readonly response?: Partial<AnnounceResponse>;
}

/** One announce as it arrived; `at` in milliseconds. */
export interface Arrival {
  readonly at: number;
  readonly url: string;
  readonly from: NetAddress.InetAddress;
  readonly request: AnnounceRequest;
}

/** The seconds between announces that these trackers ask for. */
const INTERVAL = 1800;

/** All trackers of one simulated network; any URL is one. */
export class MemoryTrackers extends Context.Service<
  MemoryTrackers,
  {
    /** Sets how `url` treats announces from now on; without a script it answers at once. */
    readonly script: (url: string, behaviour: (arrival: Arrival) => Behaviour) => Effect.Effect<void>;
    /** Puts a peer into a swarm, as if it had announced itself. */
    readonly add: (url: string, infoHash: InfoHash, peer: NetAddress.InetAddress) => Effect.Effect<void>;
    /** The peers of a swarm. */
    readonly swarm: (url: string, infoHash: InfoHash) => Effect.Effect<ReadonlyArray<NetAddress.InetAddress>>;
    /** All announces so far, in the order they came. */
    readonly arrivals: Effect.Effect<ReadonlyArray<Arrival>>;
    /** One announce by a client at the address. */
    readonly announce: (
      url: string,
      request: AnnounceRequest,
      ip: NetAddress.IpAddress,
    ) => Effect.Effect<AnnounceResponse, TrackerError>;
  }
>()("bt-effect/services/Tracker/MemoryTrackers") {
  static readonly layer = Layer.sync(MemoryTrackers, () => {
    const swarms = new Map<string, Map<string, { readonly peer: NetAddress.InetAddress; readonly seeds: boolean }>>();
    const scripts = new Map<string, (arrival: Arrival) => Behaviour>();
    const arrivals: Array<Arrival> = [];
    const swarm = (url: string, infoHash: InfoHash) => {
      const key = `${url} ${infoHash.hex}`;
      const known = swarms.get(key) ?? new Map();
      swarms.set(key, known);
      return known;
    };
    const enter = ({ url, request, from }: Arrival): AnnounceResponse => {
      const members = swarm(url, request.infoHash);
      const name = NetAddress.formatInet(from);
      const others = [...members].filter(([other]) => other !== name).map(([, member]) => member);
      if (request.event === "stopped") members.delete(name);
      else members.set(name, { peer: from, seeds: request.left === 0 });
      return {
        peers: others.slice(0, request.numwant).map(({ peer }) => peer),
        interval: INTERVAL,
        seeders: others.filter(({ seeds }) => seeds).length,
        leechers: others.filter(({ seeds }) => !seeds).length,
      };
    };
    return MemoryTrackers.of({
      script: (url, behaviour) => Effect.sync(() => void scripts.set(url, behaviour)),
      add: (url, infoHash, peer) =>
        Effect.sync(() => void swarm(url, infoHash).set(NetAddress.formatInet(peer), { peer, seeds: true })),
      swarm: (url, infoHash) => Effect.sync(() => [...swarm(url, infoHash).values()].map(({ peer }) => peer)),
      arrivals: Effect.sync(() => [...arrivals]),
      announce: Effect.fnUntraced(function* (url, request, ip) {
        const from = NetAddress.inetAddressUnsafe(ip, request.port);
        const arrival: Arrival = { at: yield* Clock.currentTimeMillis, url, from, request };
        arrivals.push(arrival);
        const behaviour = scripts.get(url)?.(arrival) ?? {};
        if (behaviour.delay !== undefined) yield* Effect.sleep(behaviour.delay);
        if (behaviour.fail !== undefined) return yield* new TrackerError({ url, reason: behaviour.fail });
        return { ...enter(arrival), ...behaviour.response };
      }),
    });
  });
}

/** The `Tracker` of one client of the simulated network, which announces itself from `ip`. */
export const layer = (ip: NetAddress.IpAddress): Layer.Layer<Tracker, never, MemoryTrackers> =>
  Layer.effect(
    Tracker,
    Effect.map(MemoryTrackers, (trackers) =>
      Tracker.of({
        announce: (url, request) => trackers.announce(url, request, ip),
        scrape: (url, infoHash) =>
          Effect.map(trackers.swarm(url, infoHash), ({ length }) => ({ ...NO_COUNTS, seeders: length })),
      }),
    ),
  );

/** One client alone with its trackers: both services. */
export const layerMemory = layer(NetAddress.ipv4Loopback).pipe(Layer.provideMerge(MemoryTrackers.layer));
