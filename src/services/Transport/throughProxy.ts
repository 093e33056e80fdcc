/** A connection to a SOCKS5 proxy that has agreed to do something for us. Only the proxy's own name is looked up, and nothing else is dialled. */
import * as Effect from "effect/Effect";
import * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { type Destination, negotiate, type Proxy, type Wish } from "../../schema/socks5.ts";
import type { Connection, DialOptions, Transport } from "./Transport.ts";
import { formatHostPort } from "../../schema/hostPort.ts";

/** What the proxy agreed to. */
export interface Agreed {
  readonly connection: Connection;
  /** The address that it does it at: of no interest for a connection, the relay's for UDP. */
  readonly bound: Destination;
}

/** An error that says why the proxy did not do it. */
export const refused = (address: string, why: string): TransportError =>
  new TransportError({ address, reason: { _tag: "Other", cause: new Error(why) } });

/** Makes the function that asks `proxy`; `name` is what errors are about. */
export const makeThroughProxy = Effect.fnUntraced(function* (proxy: Proxy, direct: Transport["Service"]) {
  const dns = yield* Dns.Dns;
  const at = formatHostPort(proxy);
  const addressOf = Effect.suspend(() => {
    const literal = NetAddress.inetAddressFromIpString(proxy.host, proxy.port);
    if (Result.isSuccess(literal)) return Effect.succeed(literal.success);
    return dns.lookup(proxy.host).pipe(
      Effect.mapError((error) => refused(at, `the proxy cannot be found: ${error.message}`)),
      Effect.flatMap(([first]) =>
        first === undefined
          ? Effect.fail(refused(at, "the proxy cannot be found"))
          : Effect.succeed(NetAddress.inetAddressUnsafe(first, proxy.port)),
      ),
    );
  });

  const agree = Effect.fnUntraced(function* (
    connection: Connection,
    name: string,
    wish: Wish,
  ): Effect.fn.Return<Agreed, TransportError> {
    const steps = negotiate(proxy, wish);
    let step = steps.next(new Uint8Array(0));
    while (step.done !== true) {
      if (step.value.send.length > 0) connection.sendUnsafe(step.value.send);
      step = steps.next(yield* connection.read(step.value.read));
    }
    if (typeof step.value === "string") return yield* refused(name, `the proxy: ${step.value}`);
    return { connection, bound: step.value };
  });

  return (name: string, wish: Wish, options: DialOptions): Effect.Effect<Agreed, TransportError, Scope.Scope> =>
    addressOf.pipe(
      Effect.flatMap((address) => direct.dial(address, options)),
      Effect.flatMap((connection) => agree(connection, name, wish)),
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () => Effect.fail(refused(name, "the proxy does not answer in time")),
      }),
    );
});
