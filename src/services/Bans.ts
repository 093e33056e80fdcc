/**
 * Who is not to be talked to any more, for all downloads of a program. It judges nobody: who lied is for `schema/blame.ts` and the conversations to say.
 *
 * State: one map in the layer's closure, bounded, lost with the program. Methods are synchronous: they are asked in read callbacks.
 */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import type { IpFilter } from "../schema/ipFilter.ts";

/** Convictions remembered; the oldest are forgotten beyond that. */
export const MAX_BANS = 10_000;
/** So many convicted ports of one address ban the whole address. */
const PORTS_PER_ADDRESS = 2;

interface Conviction {
  readonly host: string;
  readonly why: string;
}

/** Remembers the convicted. IPv4 addresses mapped into IPv6 are the IPv4 ones. */
export class Bans extends Context.Service<
  Bans,
  {
    /** Bans this address and port; a second port of the same address bans all of it. */
    readonly ban: (address: NetAddress.InetAddress, why: string) => void;
    readonly isBanned: (address: NetAddress.InetAddress) => boolean;
    /** Why the address and port was convicted; none when it was not itself. */
    readonly why: (address: NetAddress.InetAddress) => Option.Option<string>;
    /** Convictions remembered. */
    readonly count: () => number;
  }
>()("bt-effect/services/Bans") {
  /** In memory; the addresses of `filter` are never talked to, whatever they do. */
  static readonly layerWith = (filter: Pick<IpFilter, "has"> | undefined) =>
    Layer.sync(Bans, () => {
      /** By address and port, oldest first. */
      const convictions = new Map<string, Conviction>();
      const portsByHost = new Map<string, number>();

      const forget = (key: string): void => {
        const conviction = convictions.get(key);
        if (conviction === undefined) return;
        convictions.delete(key);
        const left = (portsByHost.get(conviction.host) ?? 0) - 1;
        if (left > 0) portsByHost.set(conviction.host, left);
        else portsByHost.delete(conviction.host);
      };
      const keyOf = (address: NetAddress.InetAddress): string => NetAddress.formatInet(NetAddress.toCanonical(address));
      const hostOf = (address: NetAddress.InetAddress): string =>
        NetAddress.formatHost(NetAddress.toCanonical(address));

      return Bans.of({
        ban: (address, why) => {
          const key = keyOf(address);
          const host = hostOf(address);
          forget(key);
          convictions.set(key, { host, why });
          portsByHost.set(host, (portsByHost.get(host) ?? 0) + 1);
          if (convictions.size <= MAX_BANS) return;
          for (const oldest of convictions.keys()) {
            forget(oldest);
            break;
          }
        },
        isBanned: (address) =>
          filter?.has(address.address) === true ||
          (convictions.size > 0 &&
            (convictions.has(keyOf(address)) || (portsByHost.get(hostOf(address)) ?? 0) >= PORTS_PER_ADDRESS)),
        why: (address) => Option.fromNullishOr(convictions.get(keyOf(address))?.why),
        count: () => convictions.size,
      });
    });
  /** In memory. */
  static readonly layer = Bans.layerWith(undefined);
}
