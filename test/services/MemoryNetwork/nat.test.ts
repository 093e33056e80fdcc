import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as Nat from "../../../src/services/MemoryNetwork/nat.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";

const world = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make();
  const hidden = yield* Layer.build(Nat.layer("192.168.1.2").pipe(Layer.provide(network.host("198.51.100.1"))));
  const open = yield* Layer.build(network.host("203.0.113.1"));
  const other = yield* Layer.build(network.host("203.0.113.2"));
  const [one, two, three] = [hidden, open, other].map((context) => Context.get(context, Datagrams));
  const arrived: Array<string> = [];
  const receive = (name: string, datagrams: Datagrams["Service"] | undefined) =>
    datagrams?.receive((bytes, from) => arrived.push(`${name} ${bytes[0]} from ${String(from)}`) > 0) ?? Effect.void;
  yield* receive("hidden", one);
  yield* receive("open", two);
  return { hidden, open, one, two, three, arrived };
});
const at = NetAddress.inetAddressFromStringUnsafe;
const PORT = 49_153;

describe("a NAT box", () => {
  it.effect("lets in those who were spoken to, from any port, for two minutes", () =>
    Effect.gen(function* () {
      const { one, two, three, arrived } = yield* world;
      const box = at(`198.51.100.1:${PORT}`);
      two?.sendUnsafe(box, Uint8Array.of(1));
      yield* TestClock.adjust(1);
      assert.deepStrictEqual(arrived, []);
      one?.sendUnsafe(at(`203.0.113.1:${PORT}`), Uint8Array.of(2));
      yield* TestClock.adjust(1);
      two?.sendUnsafe(box, Uint8Array.of(3));
      three?.sendUnsafe(box, Uint8Array.of(4));
      yield* TestClock.adjust(1);
      assert.deepStrictEqual(arrived, [`open 2 from ${String(box)}`, `hidden 3 from 203.0.113.1:${PORT}`]);
      yield* TestClock.adjust("2 minutes");
      two?.sendUnsafe(box, Uint8Array.of(5));
      yield* TestClock.adjust(1);
      assert.strictEqual(arrived.length, 2);
    }),
  );

  it.effect("hides what listens for streams, and lets its host dial", () =>
    Effect.gen(function* () {
      const { hidden, open } = yield* world;
      const inside = Context.get(hidden, Transport);
      const outside = Context.get(open, Transport);
      const listener = yield* inside.listen({ port: 6881 });
      assert.strictEqual(String(listener.addresses[0]), "192.168.1.2:6881");
      const error = yield* Effect.flip(outside.dial(at("198.51.100.1:6881"), { timeout: "1 second" }));
      assert.strictEqual(error.reason._tag, "Refused");
      const reached = yield* outside.listen({ port: 6882 });
      const dialled = yield* inside.dial(at(`203.0.113.1:${reached.addresses[0].port}`), { timeout: "1 second" });
      assert.strictEqual(dialled.direction, "outgoing");
    }),
  );
});
