/**
 * What the live Layers that speak HTTP have in common: how Node's clients are loaded, and a look-up that refuses addresses. It sends nothing itself.
 */
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";

/**
 * Node's modules are loaded when first needed. An ESM import of `node:http` would also evaluate its lazy exports (undici, 15 ms); this
 * does not.
 */
export const clientOf = (secure: boolean) =>
  secure ? process.getBuiltinModule("node:https") : process.getBuiltinModule("node:http");

/** Looks names up as usual, but fails with `refusal` for those that have an address which is refused. */
export const lookupExcept =
  (isRefused: (address: string) => boolean, refusal: () => NodeJS.ErrnoException): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (cause, addresses) => {
      if (cause !== null) return callback(cause, "");
      if (addresses.some(({ address }) => isRefused(address))) return callback(refusal(), "");
      if (options.all === true) return callback(null, addresses);
      // a look-up without an error has at least one address
      const [first = { address: "", family: 0 }] = addresses;
      callback(null, first.address, first.family);
    });
