/**
 * Another transport through a SOCKS5 proxy: every dial goes to the proxy, which connects further. Nothing goes round it: when the proxy cannot be
 * reached, nobody can be, and nobody is listened to.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import type { Proxy } from "../../schema/socks5.ts";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { makeThroughProxy } from "./throughProxy.ts";
import { Transport } from "./Transport.ts";

/** Dials through `proxy`; only the proxy's own name is looked up. `noUdp` is why it carries no UDP, for people. */
export const layer = (
  proxy: Proxy,
  transport: Layer.Layer<Transport>,
  noUdp?: string,
): Layer.Layer<Transport, never, Dns.Dns> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const direct = Context.get(yield* Layer.build(Layer.fresh(transport)), Transport);
      const ask = yield* makeThroughProxy(proxy, direct);
      return Transport.of({
        dial: (target, options) => {
          const remote = NetAddress.toCanonical(target);
          const wish = { _tag: "Connect", to: { host: remote.address, port: remote.port } } as const;
          return Effect.map(ask(NetAddress.formatInet(remote), wish, options), ({ connection }) => ({
            ...connection,
            remote,
          }));
        },
        listen: ({ port }) => {
          const reason = { _tag: "BehindProxy", ...(noUdp !== undefined && { noUdp }) } as const;
          return Effect.fail(new TransportError({ address: `port ${port}`, reason }));
        },
      });
    }),
  );
