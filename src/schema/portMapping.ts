/** What the three protocols of port mapping (RFC 6886, RFC 6887, UPnP IGD) have in common. Their packets are pcp.ts, natPmp.ts, ssdp.ts and upnp.ts. */
import type * as NetAddress from "effect/net/NetAddress";

/** The UDP port on which routers speak PCP and NAT-PMP (RFC 6886 §3.1, RFC 6887 §19). */
export const ROUTER_PORT = 5351;
/** How long a mapping is asked for, in seconds: it outlives a crash by an hour at the most (RFC 6886 §3.3 recommends 7,200). */
export const LEASE = 3_600;
/** The shortest and the longest lease that is believed, in seconds: no router makes us ask all the time, or trust it for ever. */
const MIN_LEASE = 120;
const MAX_LEASE = 86_400;

/** What is mapped. */
export interface Mapping {
  readonly protocol: "TCP" | "UDP";
  /** Our port. */
  readonly internal: number;
  /** The router's port: the wished one, or 0 for any. */
  readonly external: number;
}

/** A mapping that the router has made. */
export interface Grant extends Mapping {
  /** Seconds that it lasts unless renewed, from `MIN_LEASE` to `MAX_LEASE`. */
  readonly lifetime: number;
  /** Seconds since the router lost or began its table; absent where the protocol does not tell. */
  readonly epoch?: number;
  /** Its address in the world, where it tells. */
  readonly address?: NetAddress.IpAddress;
}

/** A lease that one can work with. */
export const clampLease = (seconds: number): number => Math.min(Math.max(seconds, MIN_LEASE), MAX_LEASE);

/** What a router that counts an epoch has granted, as it answered (PCP, NAT-PMP); `address` is its own in the world. */
export const grantOf = (
  { protocol, internal }: Mapping,
  answer: { readonly external: number; readonly lifetime: number; readonly epoch: number },
  address: NetAddress.IpAddress,
): Grant => ({
  protocol,
  internal,
  external: answer.external,
  lifetime: clampLease(answer.lifetime),
  epoch: answer.epoch,
  address,
});

/** Whether a router whose epoch was `before` and is `now`, `elapsed` seconds later, has lost its table meanwhile (RFC 6886 §3.6: an eighth and 2 s of slack). */
export const hasRestarted = (before: number, now: number, elapsed: number): boolean =>
  now < before + (elapsed * 7) / 8 - 2;
