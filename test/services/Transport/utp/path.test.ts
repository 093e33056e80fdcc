import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber, Random } from "effect";
import type { Scope } from "effect";
import { NetAddress } from "effect/net";
import type { Connection } from "../../../../src/services/Transport/Transport.ts";
import { driven } from "../driven.ts";
import { connect, pattern } from "../pair.ts";
import { type Spoil, twoHosts } from "./worlds.ts";

const MEGABIT = 125_000;
const SECONDS = 1_000;

/** Counts what a connection receives. */
const counting = Effect.fnUntraced(function* (connection: Connection) {
  let bytes = 0;
  const pull = yield* connection.receive((chunk, out: Array<number>) => {
    bytes += chunk.length;
    out.push(chunk.length);
    return undefined;
  });
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(pull)));
  return () => bytes;
});

const sending = (connection: Connection) => Effect.forkScoped(Effect.forever(connection.send([pattern(65_536)])));

/** Bytes per second of `counter` over a time. */
const rateOver = (counter: () => number, millis: number) =>
  Effect.gen(function* () {
    const before = counter();
    yield* Effect.sleep(millis);
    return ((counter() - before) * 1000) / millis;
  });

/** Hands over what has arrived once in 10 ms, as a busy machine does. */
const inBunches: Spoil = (below) => ({
  ...below,
  receive: Effect.fnUntraced(function* (receiver) {
    let arrived: Array<() => void> = [];
    yield* below.receive((bytes, from) => {
      const kept = bytes.slice();
      arrived.push(() => void receiver(kept, from));
      return true;
    });
    const handOver = Effect.sync(() => {
      const bunch = arrived;
      arrived = [];
      for (const one of bunch) one();
    });
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(10), handOver)));
  }),
});

const simulation = (title: string, effect: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(title, () => driven(Effect.scoped(effect)).pipe(Random.withSeed("path")), 60_000);

describe("uTP over a path", () => {
  for (const [title, loss, least, spoil] of [
    ["fills 100 Mbit/s at 50 ms without loss", 0, 80, undefined],
    // libtorrent 2.0 over the same path by a link emulator: 4.8 Mbit/s (`npm run bench -- --scenarios utp-line`)
    ["carries more than 5 Mbit/s over 100 Mbit/s at 50 ms with 1 % loss", 0.01, 5, undefined],
    ["does so where acknowledgements come in bunches", 0.01, 5, inBunches],
  ] as const)
    simulation(
      title,
      Effect.gen(function* () {
        const { world } = yield* twoHosts({ latency: "25 millis", bytesPerSecond: 100 * MEGABIT, loss }, spoil);
        const { dialled, accepted } = yield* connect(world);
        const received = yield* counting(accepted);
        yield* sending(dialled);
        yield* Effect.sleep(2 * SECONDS);
        // without loss there is ten times as much to simulate
        const rate = yield* rateOver(received, (loss === 0 ? 3 : 10) * SECONDS);
        assert.isAbove(rate, least * MEGABIT);
      }),
    );

  simulation(
    "keeps about 100 ms of its own in the queue, and leaves the path to a competing stream",
    Effect.gen(function* () {
      const { one, other, world } = yield* twoHosts({ latency: "20 millis", bytesPerSecond: 10 * MEGABIT });
      const { dialled, accepted } = yield* connect(world);
      const received = yield* counting(accepted);
      let worst = 0;
      let total = 0;
      let probes = 0;
      const clock = yield* Clock.Clock;
      yield* other.datagrams.receive((bytes) => {
        if (bytes[0] !== 0xff) return false;
        const sentAt = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8);
        const delay = clock.currentTimeMillisUnsafe() - sentAt - 20;
        worst = Math.max(worst, delay);
        total += delay;
        probes++;
        return true;
      });
      const probing = Effect.suspend(() => {
        const probe = new Uint8Array(16).fill(0xff);
        new DataView(probe.buffer).setFloat64(8, clock.currentTimeMillisUnsafe());
        one.datagrams.sendUnsafe(other.address, probe);
        return Effect.sleep(37);
      });
      yield* sending(dialled);
      yield* Effect.sleep(20 * SECONDS);
      yield* Effect.forkScoped(Effect.forever(probing));
      const alone = yield* rateOver(received, 20 * SECONDS);
      assert.isAbove(alone, 9 * MEGABIT);
      assert.isAbove(probes, 300);
      assert.isBelow(total / probes, 120);
      assert.isAbove(total / probes, 60);
      assert.isBelow(worst, 200);

      // a stream with TCP's manners: a megabyte of window fills any queue
      const tcp = yield* connect({
        dialler: one.streams,
        listener: other.streams,
        at: (port) => NetAddress.inetAddressUnsafe(other.address.address, port),
      });
      const streamed = yield* counting(tcp.accepted);
      const competitor = yield* sending(tcp.dialled);
      yield* Effect.sleep(10 * SECONDS);
      const [utp, stream] = yield* Effect.all([rateOver(received, 10 * SECONDS), rateOver(streamed, 10 * SECONDS)], {
        concurrency: 2,
      });
      assert.isAbove(stream, 9 * MEGABIT);
      assert.isBelow(utp, 0.5 * MEGABIT);

      yield* Fiber.interrupt(competitor);
      yield* tcp.closeDialled;
      yield* Effect.sleep(15 * SECONDS);
      assert.isAbove(yield* rateOver(received, 5 * SECONDS), 8 * MEGABIT);
    }),
  );
});
