import { assert, describe } from "@effect/vitest";
import { Effect, Fiber, Random } from "effect";
import { RECEIVE_BUFFER_BYTES } from "../../../../src/services/Transport/utp/limits.ts";
import { drivenTest as test } from "../driven.ts";
import { connect, copies, joined, pattern, pullAll, reasonOf } from "../pair.ts";
import { type Spoil, twoHosts } from "./worlds.ts";

/** Sends every second packet twice and holds every third back until four more were sent. */
const jumbled: Spoil = (below) => {
  let count = 0;
  const held: Array<() => void> = [];
  return {
    ...below,
    sendUnsafe: (to, bytes) => {
      const copy = bytes.slice();
      const send = () => below.sendUnsafe(to, copy);
      count++;
      if (count % 3 === 0) held.push(send);
      else send();
      if (count % 2 === 0) send();
      if (count % 7 === 0) for (const late of held.splice(0)) late();
    },
  };
};

/** Opens a connection on which the dialler speaks first, as BitTorrent's do: what it says may be lost and come later. */
const greet = Effect.fnUntraced(function* (world: Parameters<typeof connect>[0]) {
  const pair = yield* connect({
    ...world,
    dialler: {
      ...world.dialler,
      dial: (address, options) =>
        Effect.tap(world.dialler.dial(address, options), (connection) =>
          Effect.sync(() => connection.sendUnsafe(Uint8Array.of(42))),
        ),
    },
  });
  assert.deepStrictEqual([...(yield* pair.accepted.read(1))], [42]);
  return pair;
});

/** Sends one way and checks that all came, in order, with a clean end; the sender closes at once. */
const transfer = Effect.fnUntraced(function* (
  world: Parameters<typeof connect>[0],
  length: number,
  from: "dialled" | "accepted" = "dialled",
) {
  const pair = yield* greet(world);
  const [sender, receiver, close] =
    from === "dialled"
      ? [pair.dialled, pair.accepted, pair.closeDialled]
      : [pair.accepted, pair.dialled, pair.closeAccepted];
  const sent = pattern(length);
  const receiving = yield* Effect.forkChild(
    Effect.flatMap(receiver.receive(copies), (pull) => pullAll(pull)),
    { startImmediately: true },
  );
  yield* sender.send([sent]);
  yield* close;
  const { all, error } = yield* Fiber.join(receiving);
  assert.strictEqual(error, undefined);
  assert.isTrue(Buffer.from(joined(all)).equals(sent));
});

describe("uTP in adversity", () => {
  test(
    "puts in order what comes jumbled and twice",
    Effect.gen(function* () {
      const { world } = yield* twoHosts({ latency: "10 millis" }, jumbled);
      yield* transfer(world, 2_000_000);
    }),
  );

  for (const percent of [1, 5, 10])
    for (const seed of [1, 2, 3, 4, 5])
      test(
        `loses nothing by a loss of ${percent} % (${seed}), not even when it is closed at once`,
        Effect.gen(function* () {
          const { world } = yield* twoHosts({ latency: "15 millis", loss: percent / 100 });
          yield* transfer(world, 150_000);
        }).pipe(Random.withSeed(seed)),
      );

  test(
    "goes around the circle of sequence numbers",
    Effect.gen(function* () {
      const { world } = yield* twoHosts({ latency: "5 millis", loss: 0.02 });
      yield* transfer(world, 1_000_000, "accepted");
      // the acceptor's first number is the last but a few of the circle
    }).pipe(
      Effect.provideServiceEffect(
        Random.Random,
        Effect.map(Random.Random, (random) => {
          let draws = 0;
          return {
            nextIntUnsafe: () => random.nextIntUnsafe(),
            nextDoubleUnsafe: () => (draws++ < 4 ? 0.9995 : random.nextDoubleUnsafe()),
          };
        }),
      ),
    ),
  );

  test(
    "stops at a shut window for as long as it takes, and goes on",
    Effect.gen(function* () {
      const { world } = yield* twoHosts({ latency: "5 millis" });
      const { dialled, accepted } = yield* connect(world);
      const total = 3 * RECEIVE_BUFFER_BYTES;
      let taken = 0;
      const sending = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: total / 16_384 }), () =>
          Effect.andThen(
            dialled.send([pattern(16_384)]),
            Effect.sync(() => {
              taken += 16_384;
            }),
          ),
        ),
        { startImmediately: true },
      );
      yield* Effect.sleep("10 minutes");
      assert.isAtMost(taken, RECEIVE_BUFFER_BYTES);
      assert.isAbove(taken, RECEIVE_BUFFER_BYTES / 2);
      const pull = yield* accepted.receive(copies);
      let received = 0;
      while (received < total) for (const chunk of yield* pull) received += chunk.length;
      yield* Fiber.join(sending);
      assert.strictEqual(received, total);
    }),
  );

  test(
    "fails after time-outs when the other side has vanished, and says for how long nothing was heard",
    Effect.gen(function* () {
      const { network, world } = yield* twoHosts({ latency: "5 millis" });
      const { dialled } = yield* connect(world);
      yield* network.cut("10.0.0.1", "10.0.0.2");
      const pull = yield* dialled.receive(copies);
      yield* dialled.send([Uint8Array.of(1)]);
      const { error } = yield* pullAll(pull);
      assert.strictEqual(reasonOf(error), "TimedOut");
      assert.strictEqual(reasonOf(yield* Effect.flip(dialled.send([Uint8Array.of(1)]))), "TimedOut");
    }),
  );

  test(
    "survives an outage that is shorter",
    Effect.gen(function* () {
      const { network, world } = yield* twoHosts({ latency: "5 millis" });
      const { dialled, accepted } = yield* connect(world);
      yield* network.cut("10.0.0.1", "10.0.0.2");
      yield* dialled.send([Uint8Array.of(7)]);
      yield* Effect.sleep("8 seconds");
      yield* network.restore("10.0.0.1", "10.0.0.2");
      assert.deepStrictEqual([...(yield* accepted.read(1))], [7]);
    }),
  );

  test(
    "keeps the way through a NAT open while nothing is said, and wakes up for nothing else",
    Effect.gen(function* () {
      let packets = 0;
      const counted: Spoil = (below) => ({
        ...below,
        sendUnsafe: (to, bytes) => {
          packets++;
          below.sendUnsafe(to, bytes);
        },
      });
      const { world } = yield* twoHosts({ latency: "5 millis" }, counted);
      yield* connect(world);
      yield* Effect.sleep("1 second");
      const before = packets;
      yield* Effect.sleep("5 minutes");
      assert.approximately(packets - before, 10, 1);
    }),
  );

  test(
    "gives up a dial that nobody answers within its time",
    Effect.gen(function* () {
      const { one, other } = yield* twoHosts({ loss: 1 });
      const dial = Effect.scoped(one.utp.dial(other.address, { timeout: "4 seconds" }));
      const error = yield* Effect.flip(dial);
      assert.strictEqual(error.message, `${String(other.address)}: no answer within 4 s`);
    }),
  );

  test(
    "dials through a lossy path",
    Effect.gen(function* () {
      let lost = 0;
      const spoil: Spoil = (below) => ({
        ...below,
        sendUnsafe: (to, bytes) => (lost++ < 2 ? undefined : below.sendUnsafe(to, bytes)),
      });
      const { world } = yield* twoHosts({ latency: "5 millis" }, spoil);
      const { dialled, accepted } = yield* connect(world);
      dialled.sendUnsafe(Uint8Array.of(1));
      assert.deepStrictEqual([...(yield* accepted.read(1))], [1]);
    }),
  );
});
