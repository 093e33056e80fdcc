/**
 * Two transports as one: TCP, and uTP on the UDP port of the same number. Whoever listens is reached by both; whoever dials gets what answers
 * first, TCP with a head start, because it is cheaper and faster where both work, or one of them alone. It reads and writes nothing itself, and remembers nothing.
 */
import * as Arr from "effect/Array";
import * as Context from "effect/Context";
import * as Deferred from "effect/Deferred";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import type * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import type { TransportError } from "../../schema/errors/TransportError.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { Transport } from "./Transport.ts";
import type { Connection, Dial, DialOptions, Listener, ListenOptions } from "./Transport.ts";

/** How long the better way may try alone (RFC 8305 §5 has 250 ms between addresses; a dial to the other side of the world takes about 300). */
const HEAD_START = Duration.millis(350);
/** How long the second way may try once the first was refused: there is a machine that answers, so that silence means that nobody listens. */
const AFTER_FAILURE = Duration.seconds(3);

/** Dials by `first`, after a while or its failure by `second` as well; the first connection counts. Fails as `first` did. */
const race = Effect.fnUntraced(function* (
  first: Dial,
  second: Dial,
  address: NetAddress.InetAddress,
  options: DialOptions,
): Effect.fn.Return<Connection, TransportError, Scope.Scope> {
  const scope = yield* Effect.scope;
  const failed = yield* Deferred.make<TransportError>();
  let isWon = false;
  const attempt = Effect.fnUntraced(function* (dial: Dial, timeout: Duration.Input) {
    const own = yield* Scope.fork(scope);
    return yield* Scope.provide(dial(address, { ...options, timeout }), own).pipe(
      // both may succeed at the same time: the scope of the later one must not stay open
      Effect.flatMap((connection) => {
        if (isWon) return Effect.interrupt;
        isWon = true;
        return Effect.succeed(connection);
      }),
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit))),
    );
  });
  const trySecond = Effect.timeoutOption(Deferred.await(failed), HEAD_START).pipe(
    Effect.flatMap((failure) =>
      attempt(
        second,
        Option.isSome(failure) && failure.value.reason._tag === "Refused"
          ? Duration.min(Duration.fromInputUnsafe(options.timeout), AFTER_FAILURE)
          : options.timeout,
      ),
    ),
  );
  const tryFirst = Effect.tapError(attempt(first, options.timeout), (error) => Deferred.succeed(failed, error));
  return yield* Effect.raceAll([tryFirst, trySecond]).pipe(
    Effect.catch(() => Effect.flatMap(Deferred.await(failed), (error) => Effect.fail(error))),
  );
});

/** Listens by TCP, on the number of the UDP port where any will do and it is free, and by uTP if the port has no listener yet. */
const listen = (tcp: Transport["Service"], utp: Transport["Service"], udpPort: number | undefined) =>
  Effect.fnUntraced(function* (options: ListenOptions): Effect.fn.Return<Listener, TransportError, Scope.Scope> {
    const asked = tcp.listen(options);
    const byTcp = yield* options.port === 0 && udpPort !== undefined
      ? Effect.catch(tcp.listen({ ...options, port: udpPort }), () => asked)
      : asked;
    const byUtp = yield* utp.listen({ ...options, port: 0 }).pipe(
      Effect.tapError((error) => Effect.logDebug("not listening for uTP", error)),
      Effect.option,
    );
    return Option.isNone(byUtp)
      ? byTcp
      : { addresses: byTcp.addresses, incoming: Stream.merge(byTcp.incoming, byUtp.value.incoming) };
  });

/** TCP and uTP together. */
export const layer = (
  tcp: Layer.Layer<Transport>,
  utp: Layer.Layer<Transport, never, Datagrams>,
): Layer.Layer<Transport, never, Datagrams> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const byTcp = Context.get(yield* Layer.build(Layer.fresh(tcp)), Transport);
      const byUtp = Context.get(yield* Layer.build(Layer.fresh(utp)), Transport);
      const udpPort = Arr.head((yield* Datagrams).addresses).pipe(Option.map(({ port }) => port));
      return {
        dial: (target, options) => race(byTcp.dial, byUtp.dial, target, options),
        dialTcp: byTcp.dial,
        dialUtp: byUtp.dial,
        listen: listen(byTcp, byUtp, Option.getOrUndefined(udpPort)),
      };
    }),
  );
