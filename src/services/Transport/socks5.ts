/**
 * Another transport through a SOCKS5 proxy: every dial goes to the proxy, which connects further. Nothing goes round it: when the proxy cannot be
 * reached, nobody can be, and nobody is listened to.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { negotiate, type Proxy } from "../../schema/socks5.ts";
import { type Connection, Transport } from "./Transport.ts";

const refused = (address: string, why: string): TransportError =>
  new TransportError({ address, reason: { _tag: "Other", cause: new Error(why) } });

const openThrough = Effect.fnUntraced(function* (
  connection: Connection,
  proxy: Proxy,
  target: NetAddress.InetAddress,
): Effect.fn.Return<Connection, TransportError> {
  const remote = NetAddress.toCanonical(target);
  const steps = negotiate(proxy, { host: remote.address, port: remote.port });
  let step = steps.next(new Uint8Array(0));
  while (step.done !== true) {
    if (step.value.send.length > 0) connection.sendUnsafe(step.value.send);
    step = steps.next(yield* connection.read(step.value.read));
  }
  if (step.value !== undefined) return yield* refused(NetAddress.formatInet(remote), `the proxy: ${step.value}`);
  return { ...connection, remote };
});

/** Dials through `proxy`; only the proxy's own name is looked up. */
export const layer = (proxy: Proxy, transport: Layer.Layer<Transport>): Layer.Layer<Transport, never, Dns.Dns> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const direct = Context.get(yield* Layer.build(Layer.fresh(transport)), Transport);
      const dns = yield* Dns.Dns;
      const name = `${proxy.host}:${proxy.port}`;
      const addressOf = Effect.suspend(() => {
        const literal = NetAddress.inetAddressFromIpString(proxy.host, proxy.port);
        if (Result.isSuccess(literal)) return Effect.succeed(literal.success);
        return dns.lookup(proxy.host).pipe(
          Effect.mapError((error) => refused(name, `the proxy cannot be found: ${error.message}`)),
          Effect.flatMap(([first]) =>
            first === undefined
              ? Effect.fail(refused(name, "the proxy cannot be found"))
              : Effect.succeed(NetAddress.inetAddressUnsafe(first, proxy.port)),
          ),
        );
      });
      return Transport.of({
        dial: (target, options) =>
          addressOf.pipe(
            Effect.flatMap((address) => direct.dial(address, options)),
            Effect.flatMap((connection) => openThrough(connection, proxy, target)),
            Effect.timeoutOrElse({
              duration: options.timeout,
              orElse: () => Effect.fail(refused(NetAddress.formatInet(target), "the proxy does not connect in time")),
            }),
          ),
        listen: ({ port }) => Effect.fail(refused(`port ${port}`, "nobody is listened to behind a proxy")),
      });
    }),
  );
