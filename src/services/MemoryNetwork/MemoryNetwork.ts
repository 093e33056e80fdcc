/**
 * A network inside the process: hosts with addresses, and between them streams and datagrams with latency, bandwidth, loss
 * and cuts. It runs on `Clock` and `Random`, so that under `TestClock` and a seed every run is the same. Nothing of it
 * touches the machine's network.
 *
 * Life cycle: a host is plugged in as long as its layer lives; the network as long as its scope.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Random from "effect/Random";
import type * as Scope from "effect/Scope";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { makeMemoryDatagrams } from "../Datagrams/memory.ts";
import { makeMemoryMulticast } from "../Multicast/memory.ts";
import { Multicast } from "../Multicast/Multicast.ts";
import { makeMemoryTransport } from "../Transport/memory.ts";
import { Transport } from "../Transport/Transport.ts";
import { makeHost } from "./host.ts";
import type { Host, Wires } from "./host.ts";
import { makeLink } from "./link.ts";
import type { Link, LinkOptions } from "./link.ts";
import { makeTimeline } from "./timeline.ts";

/** How a host is plugged in. */
export interface HostOptions {
  /** The UDP port of its `Datagrams`; a free one by default. */
  readonly udpPort?: number | undefined;
}

/** A network of hosts, which are named by any of their addresses; a name that no host has is a mistake of the caller's and dies. */
export interface MemoryNetwork {
  /** The services of the host with these addresses (IPv4, IPv6 or both), plugged in while the layer lives. */
  readonly host: (
    addresses: string | ReadonlyArray<string>,
    options?: HostOptions,
  ) => Layer.Layer<Transport | Datagrams | Multicast>;
  /** Changes the link between two hosts; what it does not say goes back to the network's own options. */
  readonly link: (a: string, b: string, options: LinkOptions) => Effect.Effect<void>;
  /** Lets nothing through between two hosts: streams wait, datagrams are lost, dials time out. */
  readonly cut: (a: string, b: string) => Effect.Effect<void>;
  /** Ends a cut: what streams had under way arrives at once. */
  readonly restore: (a: string, b: string) => Effect.Effect<void>;
  /** Breaks the open streams between two hosts off, on both sides. */
  readonly reset: (a: string, b: string) => Effect.Effect<void>;
}

/** A network whose links have `defaults` unless `link` says otherwise. */
export const make = (defaults: LinkOptions = {}): Effect.Effect<MemoryNetwork, never, Scope.Scope> =>
  Effect.gen(function* () {
    const timeline = yield* makeTimeline;
    const random = yield* Random.Random;
    /** The hosts that are plugged in, by each of their addresses. */
    const plugged = new Map<string, Host>();
    const links = new Map<string, Link>();

    const keyOf = (address: NetAddress.IpAddress) => NetAddress.formatIp(address);
    const hostNames = new Map<string, string>();
    const nameOf = (address: string) => {
      const key = keyOf(NetAddress.ipFromStringUnsafe(address));
      return hostNames.get(key) ?? key;
    };
    const linkOf = (a: string, b: string): { readonly link: Link; readonly turned: boolean } => {
      const turned = a > b;
      const key = turned ? `${b} ${a}` : `${a} ${b}`;
      const existing = links.get(key);
      const link = existing ?? makeLink(timeline, () => random.nextDoubleUnsafe(), a === b ? {} : defaults);
      if (existing === undefined) links.set(key, link);
      return { link, turned };
    };
    const onLink = (a: string, b: string, action: (link: Link) => void) =>
      Effect.sync(() => action(linkOf(nameOf(a), nameOf(b)).link));
    const ownName = (host: Host) => host.addresses.map(keyOf)[0] ?? "";

    const wires: Wires = {
      timeline,
      find: (address, from) => (NetAddress.isLoopback(address) ? from : plugged.get(keyOf(address))),
      all: () => new Set(plugged.values()),
      paths: (from, to) => {
        const { link, turned } = linkOf(ownName(from), ownName(to));
        return turned ? { forth: link.back, back: link.forth } : { forth: link.forth, back: link.back };
      },
    };

    return {
      host: (addresses, options = {}) =>
        Layer.effectContext(
          Effect.gen(function* () {
            const own = (typeof addresses === "string" ? [addresses] : addresses).map((text) =>
              NetAddress.toCanonical(NetAddress.ipFromStringUnsafe(text)),
            );
            const host = makeHost(own);
            const taken = own.find((address) => plugged.has(keyOf(address)));
            if (taken !== undefined)
              return yield* Effect.die(new Error(`${NetAddress.formatIp(taken)} is on the network already`));
            for (const address of own) hostNames.set(keyOf(address), ownName(host));
            yield* Effect.acquireRelease(
              Effect.sync(() => own.forEach((address) => plugged.set(keyOf(address), host))),
              () => Effect.sync(() => own.forEach((address) => plugged.delete(keyOf(address)))),
            );
            return Context.make(Transport, makeMemoryTransport(wires, host)).pipe(
              Context.add(Datagrams, makeMemoryDatagrams(wires, host, options.udpPort ?? host.freePort())),
              Context.add(Multicast, makeMemoryMulticast(wires, host)),
            );
          }),
        ),
      link: (a, b, options) => onLink(a, b, (link) => link.setOptions({ ...defaults, ...options })),
      cut: (a, b) => onLink(a, b, (link) => link.cut()),
      restore: (a, b) => onLink(a, b, (link) => link.restore()),
      reset: (a, b) =>
        Effect.sync(() => {
          const names = [nameOf(a), nameOf(b)];
          for (const host of new Set(plugged.values()))
            for (const [end, other] of host.streams)
              if (names.includes(ownName(host)) && names.includes(ownName(other))) end.reset();
        }),
    };
  });
