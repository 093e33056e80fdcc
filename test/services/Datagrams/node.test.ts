import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Exit, Layer, Logger, Scope } from "effect";
import { NetAddress } from "effect/net";
import { createSocket } from "node:dgram";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import { layer } from "../../../src/services/Datagrams/node.ts";

const loopback = layer({ port: 0, address: NetAddress.ipv4Loopback });
const onLoopback = (address: NetAddress.InetAddress) =>
  NetAddress.inetAddressUnsafe(
    NetAddress.isInetAddressV4(address) ? NetAddress.ipv4Loopback : NetAddress.ipv6Loopback,
    address.port,
  );

describe("Datagrams, node", () => {
  it.live("binds every family on the same port, and packets get through over each", () =>
    Effect.gen(function* () {
      const { addresses, send, receive } = yield* Datagrams;
      assert.strictEqual(new Set(addresses.map(({ port }) => port)).size, 1);
      for (const address of addresses.map(onLoopback)) {
        const heard = yield* Deferred.make<ReadonlyArray<unknown>>();
        yield* receive((bytes, from) => Deferred.doneUnsafe(heard, Effect.succeed([[...bytes], from])));
        yield* send(address, Uint8Array.of(1, 2, 3));
        assert.deepStrictEqual(yield* Deferred.await(heard), [[1, 2, 3], address]);
      }
    }).pipe(Effect.provide(layer({ port: 0 }))),
  );

  it.live("asks receivers in the order they came, until one says yes or their scope ends", () =>
    Effect.gen(function* () {
      const { addresses, send, receive } = yield* Datagrams;
      const [self] = addresses;
      assert.isDefined(self);
      if (self === undefined) return;
      const asked: Array<string> = [];
      let arrived = yield* Deferred.make<void>();
      const scope = yield* Scope.make();
      yield* receive(
        (bytes) => asked.push("first") > 0 && bytes[0] === 1 && Deferred.doneUnsafe(arrived, Effect.void),
      ).pipe(Scope.provide(scope));
      yield* receive(() => asked.push("second") > 0 && Deferred.doneUnsafe(arrived, Effect.void));
      const round = Effect.fnUntraced(function* (byte: number) {
        asked.length = 0;
        arrived = yield* Deferred.make<void>();
        yield* send(self, Uint8Array.of(byte));
        yield* Deferred.await(arrived);
        return asked.join();
      });
      assert.strictEqual(yield* round(1), "first");
      assert.strictEqual(yield* round(2), "first,second");
      yield* Scope.close(scope, Exit.void);
      assert.strictEqual(yield* round(1), "second");
    }).pipe(Effect.provide(loopback)),
  );

  it.live("fails with a reason where a packet cannot go", () =>
    Effect.gen(function* () {
      const { addresses, send } = yield* Datagrams;
      const [self] = addresses;
      if (self === undefined) return assert.fail("no socket");
      const large = yield* Effect.flip(send(self, new Uint8Array(70_000)));
      assert.deepStrictEqual(large.reason, { _tag: "TooLarge", length: 70_000 });
      const v6 = NetAddress.inetAddressUnsafe(NetAddress.ipv6Loopback, 1);
      const missing = yield* Effect.flip(send(v6, new Uint8Array(1)));
      assert.deepStrictEqual(missing.reason, { _tag: "NoSocket", family: "IPv6" });
    }).pipe(Effect.provide(loopback)),
  );

  it.live("takes port 0 for what it is, nowhere, though a packet may pretend to come from there", () =>
    Effect.gen(function* () {
      const { send, sendUnsafe } = yield* Datagrams;
      const nowhere = NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 0);
      const failed = yield* Effect.flip(send(nowhere, new Uint8Array(1)));
      assert.deepStrictEqual(failed.reason, { _tag: "Unreachable" });
      sendUnsafe(nowhere, new Uint8Array(1));
    }).pipe(Effect.provide(loopback)),
  );

  it.live("takes another port when the one asked for is taken", () =>
    Effect.gen(function* () {
      const taken = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createSocket>>((resume) => {
          const socket = createSocket("udp4");
          socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)));
        }),
        (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void))),
      );
      const { port } = taken.address();
      const bound = yield* Datagrams.use(({ addresses }) => Effect.succeed(addresses)).pipe(
        // it warns
        Effect.provide(layer({ port, address: NetAddress.ipv4Loopback }).pipe(Layer.provideMerge(Logger.layer([])))),
      );
      assert.strictEqual(bound.length, 1);
      assert.notStrictEqual(bound[0]?.port, port);
    }),
  );
});
