import { assert, describe, it } from "@effect/vitest";
import { Context, Deferred, Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { Multicast } from "../../../src/services/Multicast/Multicast.ts";
import * as NodeMulticast from "../../../src/services/Multicast/node.ts";

const ip = NetAddress.ipFromStringUnsafe;
/** Groups of this machine alone ("administratively scoped", RFC 2365; interface-local, RFC 4291), on a port of each run. */
const port = 20_000 + (process.pid % 20_000);
const v4 = NetAddress.inetAddressFromStringUnsafe(`239.255.77.7:${port}`);
const v6 = NetAddress.inetAddressFromStringUnsafe(`[ff11::7777]:${port}`);

const onlyOn = (address: string) =>
  Effect.map(Layer.build(NodeMulticast.layer({ address: ip(address) })), Context.get(Multicast));

describe("Multicast on the machine's sockets", () => {
  it.live("is heard by all members on the interface, the sender too", () =>
    Effect.gen(function* () {
      const multicast = yield* onlyOn("127.0.0.1");
      const member = () =>
        Effect.gen(function* () {
          const heard = yield* Deferred.make<readonly [bytes: string, from: string]>();
          const ways = yield* multicast.join([v4, v6], (bytes, from) => {
            const what = [new TextDecoder().decode(bytes), NetAddress.formatHost(from)] as const;
            Deferred.doneUnsafe(heard, Effect.succeed(what));
          });
          return { heard: Deferred.await(heard), ways };
        });
      const [one, two] = [yield* member(), yield* member()];
      // 127.0.0.1 is no way to an IPv6 group.
      assert.deepStrictEqual(
        one.ways.map(({ group }) => group),
        [v4],
      );
      yield* Effect.forEach(one.ways, ({ send }) => send(new TextEncoder().encode("hello")));
      for (const { heard } of [one, two]) assert.deepStrictEqual(yield* heard, ["hello", "127.0.0.1"]);
    }),
  );

  it.live("leaves with the scope: the group can be joined again, by many", () =>
    Effect.gen(function* () {
      const multicast = yield* onlyOn("127.0.0.1");
      for (let round = 0; round < 3; round++) {
        const ways = yield* Effect.scoped(multicast.join([v4], () => {}));
        assert.strictEqual(ways.length, 1);
      }
    }),
  );

  it.live("is quiet where there is no such address, no such group or nobody to hear it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* onlyOn("192.0.2.99")).join([v4, v6], () => {}), []);
      const loopback = yield* onlyOn("::1");
      for (const { send } of yield* loopback.join([v4, v6], () => {})) yield* send(new Uint8Array(70_000));
      assert.deepStrictEqual(
        yield* (yield* onlyOn("127.0.0.1")).join([NetAddress.inetAddressFromStringUnsafe("127.0.0.1:1")], () => {}),
        [],
      );
    }),
  );
});
