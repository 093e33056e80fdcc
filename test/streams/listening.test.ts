import { assert, describe, it } from "@effect/vitest";
import { Effect, Stream } from "effect";
import { NetAddress } from "effect/net";
import { exitStatus } from "../../src/schema/errors/code.ts";
import { TransportError, type TransportReason } from "../../src/schema/errors/TransportError.ts";
import { Events } from "../../src/services/Events.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import { listen } from "../../src/streams/listening.ts";

const wished = 50_000;

/** Listens on a wished port or any, where `refusal` does not refuse that port; tells what it told people. */
const listening = (refusal: (port: number) => TransportReason | undefined, bind?: NetAddress.IpAddress) =>
  Effect.gen(function* () {
    const events = yield* Events.make;
    const transport = Transport.of({
      dial: (address) =>
        Effect.fail(
          new TransportError({ address: NetAddress.formatSocketAddress(address), reason: { _tag: "Refused" } }),
        ),
      listen: ({ port }) => {
        const reason = refusal(port);
        const address = NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, port || 60_000);
        return reason === undefined
          ? Effect.succeed({ addresses: [address], incoming: Stream.never })
          : Effect.fail(new TransportError({ address: `port ${port}`, reason }));
      },
    });
    const { behindProxy, listener } = yield* listen(wished, bind, "payload.bin").pipe(
      Effect.provideService(Transport, transport),
      Effect.provideService(Events, events),
      Effect.scoped,
    );
    yield* events.end;
    const told = yield* Stream.runCollect(events.stream);
    return {
      port: listener?.addresses[0]?.port,
      behindProxy,
      warnings: told.map((event) => (event.type === "warning" ? event.message : event.type)),
    };
  });

describe("listening", () => {
  it.effect("says nothing where the port is free", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* listening(() => undefined), {
        port: wished,
        behindProxy: false,
        warnings: [],
      });
    }),
  );

  it.effect("takes another port where the wished one is taken, and says so once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* listening((port) => (port === wished ? { _tag: "AddressInUse" } : undefined)), {
        port: 60_000,
        behindProxy: false,
        warnings: [`port ${wished}: the port is taken by another program; listening on another one`],
      });
    }),
  );

  it.effect("does without where no port can be had", () =>
    Effect.gen(function* () {
      const { behindProxy, port, warnings } = yield* listening(() => ({ _tag: "PermissionDenied" }));
      assert.isUndefined(port);
      assert.isFalse(behindProxy);
      assert.deepStrictEqual(warnings, [
        `port ${wished}: the system does not permit it; listening on another one`,
        "peers cannot reach us, only be dialled: no port can be opened (the system does not permit it); another one may be named with --port",
      ]);
    }),
  );

  it.effect("fails for an address that is not ours, from which nobody could be dialled either", () =>
    Effect.gen(function* () {
      const refusal = () => ({ _tag: "AddressNotAvailable" }) as const;
      const error = yield* Effect.flip(listening(refusal, NetAddress.ipFromStringUnsafe("192.0.2.1")));
      assert.strictEqual(error.code, "usage.bad-bind");
      assert.match(error.message, /^--bind 192\.0\.2\.1: this machine has no such address; name one/);
      assert.strictEqual(exitStatus(error), 2);
    }),
  );

  it.effect("looks for no other port of an address that is not ours", () =>
    Effect.gen(function* () {
      const { port, warnings } = yield* listening(() => ({ _tag: "AddressNotAvailable" }));
      assert.isUndefined(port);
      assert.deepStrictEqual(warnings, [
        "peers cannot reach us, only be dialled: no port can be opened (the address is not one of this machine's); another one may be named with --port",
      ]);
    }),
  );

  it.effect("says once that a proxy lets nobody in, and what else it does not carry", () =>
    Effect.gen(function* () {
      const unreachable =
        "peers cannot reach us, only be dialled: a proxy passes no connection on to us; leave --proxy away to be reached as well";
      assert.deepStrictEqual(yield* listening(() => ({ _tag: "BehindProxy" })), {
        port: undefined,
        behindProxy: true,
        warnings: [unreachable],
      });
      const { warnings } = yield* listening(() => ({ _tag: "BehindProxy", noUdp: "proxy.test:1080: not allowed" }));
      assert.deepStrictEqual(warnings, [
        unreachable,
        "UDP trackers, the DHT and uTP are off: proxy.test:1080: not allowed; a proxy that relays UDP is needed for them",
      ]);
    }),
  );
});
