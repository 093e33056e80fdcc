/**
 * Host names to addresses by the system's own resolver: Effect's `Dns` with `lookup` alone. The `NodeDns` of `@effect/platform-node` does the
 * same and record queries, for 50 ms of start-up that nothing here has use for.
 */
import { lookup } from "node:dns";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Dns from "effect/net/Dns";
import * as Host from "effect/net/Host";
import * as NetAddress from "effect/net/NetAddress";

const REASONS: Readonly<Record<string, Dns.DnsErrorReason>> = {
  ENOTFOUND: "NotFound",
  ENODATA: "NotFound",
  EAI_AGAIN: "Temporary",
  EAI_FAIL: "Refused",
};

/** The machine's resolver (`getaddrinfo`); hosts files and the like count. */
export const layer: Layer.Layer<Dns.Dns> = Layer.sync(Dns.Dns, () =>
  Dns.make({
    lookup: (name, family) =>
      Effect.callback((resume) => {
        const hostname = Host.formatHost(name);
        lookup(hostname, { all: true, ...(family && { family }) }, (cause, addresses) => {
          if (cause === null) {
            resume(
              Effect.succeed(
                addresses.map(({ address }) => NetAddress.ipFromStringUnsafe(address.replace(/%.*$/, ""))),
              ),
            );
          } else {
            const reason = REASONS[cause.code ?? ""] ?? "Unknown";
            resume(Effect.fail(new Dns.DnsError({ reason, method: "lookup", hostname, cause })));
          }
        });
      }),
  }),
);
