import { assert, describe, it } from "@effect/vitest";
import { Clock, Context, Effect, Exit, Fiber, Layer, Random } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import type { LinkOptions } from "../../../src/services/MemoryNetwork/link.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { POISON } from "../../../src/services/MemoryNetwork/stream.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import { arrivalsOf, connect, numbers, pattern, pullAll } from "../Transport/pair.ts";

const at = (text: string) => NetAddress.inetAddressFromStringUnsafe(text);

/** Two hosts, `10.0.0.1` and `10.0.0.2`, with UDP port 6881 each. */
const twoHosts = (options: LinkOptions = {}) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options);
    const plug = (address: string) =>
      Effect.map(Layer.build(network.host(address, { udpPort: 6881 })), (context) => ({
        transport: Context.get(context, Transport),
        datagrams: Context.get(context, Datagrams),
      }));
    const one = yield* plug("10.0.0.1");
    const two = yield* plug("10.0.0.2");
    const pair = connect({
      dialler: one.transport,
      listener: two.transport,
      at: (port) => at(`10.0.0.2:${port}`),
    });
    return { network, one, two, pair };
  });

/** Runs `effect` as the clock goes on by `for`; what it gives, and after how many milliseconds it was done. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>, duration: `${number} millis`) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis;
    const fiber = yield* Effect.forkChild(
      Effect.flatMap(effect, (value) => Effect.map(Clock.currentTimeMillis, (now) => ({ value, millis: now - start }))),
      { startImmediately: true },
    );
    yield* TestClock.adjust(duration);
    return yield* Fiber.join(fiber);
  });

describe("MemoryNetwork", () => {
  it.effect("opens a stream in one round trip and carries a message in half of one", () =>
    Effect.gen(function* () {
      const { pair } = yield* twoHosts({ latency: "30 millis" });
      const opened = yield* timed(pair, "100 millis");
      assert.strictEqual(opened.millis, 60);
      const { dialled, accepted } = opened.value;
      dialled.sendUnsafe(Uint8Array.of(7));
      const read = yield* timed(accepted.read(1), "100 millis");
      assert.deepStrictEqual([[...read.value], read.millis], [[7], 30]);
    }),
  );

  it.effect("is no faster than its bandwidth", () =>
    Effect.gen(function* () {
      const { pair } = yield* twoHosts({ bytesPerSecond: 1_000_000 });
      const { value } = yield* timed(pair, "10 millis");
      const pull = yield* value.accepted.receive(numbers);
      yield* Effect.forkChild(Effect.andThen(value.dialled.send([pattern(500_000)]), value.closeDialled));
      const got = yield* timed(pullAll(pull), "10000 millis");
      assert.strictEqual(got.value.all.length, 500_000);
      assert.strictEqual(got.millis, 500);
    }),
  );

  it.effect("fills a long fast path only as far as its window allows", () =>
    Effect.gen(function* () {
      const { pair } = yield* twoHosts({ latency: "25 millis", windowBytes: 100_000 });
      const { value } = yield* timed(pair, "50 millis");
      const pull = yield* value.accepted.receive(numbers);
      yield* Effect.forkChild(Effect.andThen(value.dialled.send([pattern(1_000_000)]), value.closeDialled));
      const got = yield* timed(pullAll(pull), "10000 millis");
      // ten windows, each a round trip after the one before
      assert.strictEqual(got.millis, 25 + 9 * 50);
    }),
  );

  it.effect("overwrites what it lent as soon as the decoder returns", () =>
    Effect.gen(function* () {
      const { pair } = yield* twoHosts();
      const { dialled, accepted } = yield* pair;
      const pull = yield* accepted.receive((bytes: Uint8Array, out: Array<Uint8Array>) => {
        out.push(bytes);
        return undefined;
      });
      const pulling = yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, pull));
      dialled.sendUnsafe(Uint8Array.of(1, 2, 3));
      assert.deepStrictEqual([...(yield* Fiber.join(pulling))[0]], [POISON, POISON, POISON]);
    }),
  );

  it.effect("holds what a stream carries while the link is cut, and loses nothing of it", () =>
    Effect.gen(function* () {
      const { network, pair } = yield* twoHosts({ latency: "10 millis" });
      const { value } = yield* timed(pair, "20 millis");
      const pull = yield* value.accepted.receive(numbers);
      value.dialled.sendUnsafe(Uint8Array.of(1));
      yield* network.cut("10.0.0.2", "10.0.0.1");
      value.dialled.sendUnsafe(Uint8Array.of(2));
      const pulling = yield* Effect.forkChild(pull, { startImmediately: true });
      yield* TestClock.adjust("1 hour");
      assert.isUndefined(pulling.pollUnsafe());
      yield* network.restore("10.0.0.1", "10.0.0.2");
      const got = [...(yield* Fiber.join(pulling))];
      while (got.length < 2) got.push(...(yield* pull));
      assert.deepStrictEqual(got, [1, 2]);
    }),
  );

  it.effect("lets a dial across a cut time out", () =>
    Effect.gen(function* () {
      const { network, one } = yield* twoHosts();
      yield* network.cut("10.0.0.1", "10.0.0.2");
      const dial = Effect.flip(Effect.scoped(one.transport.dial(at("10.0.0.2:1"), { timeout: "15 seconds" })));
      const failed = yield* timed(dial, "20000 millis");
      assert.deepStrictEqual(failed.value.reason, { _tag: "TimedOut", afterMillis: 15_000 });
      assert.strictEqual(failed.millis, 15_000);
    }),
  );

  it.effect("closes the far end of a dial that is interrupted", () =>
    Effect.gen(function* () {
      const { one, two } = yield* twoHosts({ latency: "10 millis" });
      const listener = yield* two.transport.listen({ port: 6881 });
      const arrival = yield* arrivalsOf(listener);
      const dialling = yield* Effect.forkChild(
        Effect.scoped(one.transport.dial(at("10.0.0.2:6881"), { timeout: "15 seconds" })),
        { startImmediately: true },
      );
      yield* TestClock.adjust("15 millis");
      yield* Fiber.interrupt(dialling);
      const accepted = yield* Effect.flatMap(arrival, (incoming) => incoming.accept);
      const read = yield* timed(Effect.flip(accepted.read(1)), "100 millis");
      assert.strictEqual(read.value.reason._tag, "Closed");
    }),
  );

  it.effect("breaks streams off on both sides", () =>
    Effect.gen(function* () {
      const { network, pair } = yield* twoHosts();
      const { dialled, accepted } = yield* pair;
      const pulls = yield* Effect.forEach([dialled, accepted], (connection) => connection.receive(numbers));
      yield* network.reset("10.0.0.2", "10.0.0.1");
      for (const pull of pulls) {
        const { error } = yield* pullAll(pull);
        assert.strictEqual(String(error).includes("reset"), true);
      }
    }),
  );

  it.effect("says that a host it does not have, or without the family, is unreachable", () =>
    Effect.gen(function* () {
      const { one } = yield* twoHosts();
      for (const address of ["10.0.0.9:1", "[fd00::1]:1"]) {
        const error = yield* Effect.flip(one.transport.dial(at(address), { timeout: "1 second" }));
        assert.strictEqual(error.reason._tag, "Unreachable");
      }
    }),
  );

  it.effect("connects hosts over IPv6, and a host with itself over loopback", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make();
      const context = yield* Layer.build(network.host(["10.0.0.1", "fd00::1"]));
      const other = yield* Layer.build(network.host("fd00::2"));
      const { dial, listen } = Context.get(context, Transport);
      const listener = yield* listen({ port: 6881 });
      assert.deepStrictEqual(listener.addresses.map(String), ["10.0.0.1:6881", "[fd00::1]:6881"]);
      const six = yield* Context.get(other, Transport).dial(at("[fd00::1]:6881"), { timeout: "1 second" });
      assert.include(String(six.local), "[fd00::2]:");
      const self = yield* dial(at("127.0.0.1:6881"), { timeout: "1 second" });
      assert.include(String(self.local), "127.0.0.1:");
    }),
  );

  it.effect("refuses a second host with the same address, but not after the first has gone", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make();
      const host = () => Layer.build(network.host("10.0.0.1"));
      yield* Effect.scoped(host());
      yield* host();
      assert.isTrue(Exit.hasDies(yield* Effect.exit(host())));
    }),
  );

  it.effect("carries datagrams to the first receiver that wants them, in lent bytes", () =>
    Effect.gen(function* () {
      const { one, two } = yield* twoHosts({ latency: "5 millis" });
      const got: Array<string> = [];
      const views: Array<Uint8Array> = [];
      const receiver = (name: string, wants: number) =>
        two.datagrams.receive((bytes, from) => {
          if (bytes[0] !== wants) return false;
          views.push(bytes);
          got.push(`${name} ${bytes.join()} ${String(from)}`);
          return true;
        });
      yield* receiver("first", 1);
      yield* receiver("second", 2);
      yield* Effect.scoped(receiver("gone", 3));
      const packet = Uint8Array.of(2, 9);
      yield* one.datagrams.send(at("10.0.0.2:6881"), packet);
      packet.fill(0);
      for (const text of ["10.0.0.2:6882", "10.0.0.3:6881"]) yield* one.datagrams.send(at(text), Uint8Array.of(1));
      yield* one.datagrams.send(at("10.0.0.2:6881"), Uint8Array.of(3));
      assert.deepStrictEqual(got, []);
      yield* TestClock.adjust("5 millis");
      assert.deepStrictEqual(got, ["second 2,9 10.0.0.1:6881"]);
      assert.strictEqual(views[0]?.[1], POISON);
      const failures = [
        yield* Effect.flip(one.datagrams.send(at("[fd00::1]:1"), packet)),
        yield* Effect.flip(one.datagrams.send(at("10.0.0.2:1"), new Uint8Array(65_508))),
      ];
      assert.deepStrictEqual(
        failures.map(({ code }) => code),
        ["datagram.no-socket", "datagram.too-large"],
      );
    }),
  );

  const lossy = Effect.gen(function* () {
    const { network, one, two } = yield* twoHosts({ loss: 0.5 });
    const got: Array<number> = [];
    yield* two.datagrams.receive((bytes) => got.push(bytes[0] ?? 0) > 0);
    for (let n = 0; n < 100; n++) yield* one.datagrams.send(at("10.0.0.2:6881"), Uint8Array.of(n));
    yield* TestClock.adjust("1 millis");
    const lost = 100 - got.length;
    yield* network.link("10.0.0.1", "10.0.0.2", { loss: 0 });
    yield* one.datagrams.send(at("10.0.0.2:6881"), Uint8Array.of(200));
    yield* network.cut("10.0.0.1", "10.0.0.2");
    yield* one.datagrams.send(at("10.0.0.2:6881"), Uint8Array.of(201));
    yield* network.restore("10.0.0.1", "10.0.0.2");
    yield* TestClock.adjust("1 millis");
    return { got, lost };
  });

  it.effect("loses datagrams by chance, the same ones with the same seed, and those of a cut", () =>
    Effect.gen(function* () {
      const first = yield* Random.withSeed(lossy, "seed");
      const second = yield* Random.withSeed(lossy, "seed");
      assert.isTrue(first.lost > 30 && first.lost < 70);
      assert.deepStrictEqual(first, second);
      assert.notDeepEqual(first.got, (yield* Random.withSeed(lossy, "another")).got);
      assert.isFalse(first.got.includes(201));
    }),
  );
});
