/**
 * Where a redirect may lead: never nearer to us than the host that gave it, or a stranger on the internet could have us ask what only this machine, or its
 * network, can reach. It connects to nothing.
 */
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { reach } from "../../schema/reach.ts";
import { systemCode } from "../systemCode.ts";

/** 0: this machine; 1: this link; 2: this site; 3: everywhere. */
export type Reach = ReturnType<typeof reach>;

/** How far an address, or a host that is written as one, reaches; undefined for a name. */
export const reachOf = (host: string): Reach | undefined => {
  const ip = Result.getOrUndefined(NetAddress.ipFromString(host.replace(/%.*$/, "")));
  if (ip === undefined) return undefined;
  const canonical = NetAddress.toCanonical(ip);
  // What connects to 0.0.0.0 finds itself.
  return NetAddress.isUnspecified(canonical) ? 0 : reach(canonical);
};

const CODE = "ERR_TOO_NEAR";

/** Whether that is how `lookupBeyond` failed. */
export const isTooNear = (cause: unknown): boolean => systemCode(cause) === CODE;

/** Looks names up as usual, but fails for those that have an address which reaches less far than `least`. */
export const lookupBeyond =
  (least: Reach): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (cause, addresses) => {
      if (cause !== null) return callback(cause, "");
      if (addresses.some(({ address }) => (reachOf(address) ?? 0) < least))
        return callback(Object.assign(new Error("it is too near"), { code: CODE }), "");
      if (options.all === true) return callback(null, addresses);
      // a look-up without an error has at least one address
      const [first = { address: "", family: 0 }] = addresses;
      callback(null, first.address, first.family);
    });
