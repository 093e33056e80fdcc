import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber, Ref, Stream } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { defaultPeerSettings, PeerSettings } from "../../src/schema/settings.ts";
import { Bans } from "../../src/services/Bans.ts";
import { type Candidate, type Candidates, makeCandidates, type Source } from "../../src/streams/candidates.ts";

const at = NetAddress.inetAddressFromStringUnsafe;
const from = (source: Source, address: string): Candidate => ({ address: at(address), source });
const show = ({ address }: Candidate): string => NetAddress.formatInet(address);

/** What may be dialled now, without waiting. */
const ready = Effect.fnUntraced(function* (candidates: Candidates) {
  const seen: Array<string> = [];
  for (;;) {
    const fiber = yield* Effect.forkChild(candidates.next, { startImmediately: true });
    if (fiber.pollUnsafe() === undefined) {
      yield* Fiber.interrupt(fiber);
      return seen;
    }
    seen.push(show(yield* Fiber.join(fiber)));
  }
});

/** Dials whatever may be dialled, without success, and notes when (seconds). */
const failing = (candidates: Candidates) =>
  Effect.gen(function* () {
    const dials = yield* Ref.make<ReadonlyArray<number>>([]);
    yield* Stream.fromEffectRepeat(candidates.next).pipe(
      Stream.runForEach(({ address }) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis;
          yield* Ref.update(dials, (times) => [...times, now / 1000]);
          candidates.disconnected(address, "failed");
        }),
      ),
      Effect.forkChild,
    );
    return dials;
  });

const run = <A, E>(body: Effect.Effect<A, E, Bans>) =>
  body.pipe(Effect.provide(Bans.layer), Effect.provideService(PeerSettings, defaultPeerSettings));

describe("candidates", () => {
  it.effect("hands each address out once, however often and by whomever it is named", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        candidates.add(from("tracker", "10.0.0.1:1"));
        yield* candidates.addAll(
          Stream.make(from("pex", "10.0.0.1:1"), from("tracker", "[::ffff:10.0.0.1]:1"), from("tracker", "10.0.0.1:2")),
        );
        assert.strictEqual(candidates.known(), 2);
        assert.deepStrictEqual(yield* ready(candidates), ["10.0.0.1:1", "10.0.0.1:2"]);
        assert.deepStrictEqual(yield* ready(candidates), []);
      }),
    ),
  );

  it.effect("waits for an address and wakes up at once when one is named", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        const fiber = yield* Effect.forkChild(candidates.next, { startImmediately: true });
        yield* TestClock.adjust("1 hour");
        assert.isUndefined(fiber.pollUnsafe());
        candidates.add(from("magnet", "10.0.0.1:1"));
        assert.deepStrictEqual(yield* Fiber.join(fiber), from("magnet", "10.0.0.1:1"));
      }),
    ),
  );

  it.effect("wakes up for a lost peer once it is due", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        candidates.add(from("tracker", "10.0.0.1:1"));
        const { address } = yield* candidates.next;
        const fiber = yield* Effect.forkChild(candidates.next, { startImmediately: true });
        yield* TestClock.adjust("1 minute");
        candidates.disconnected(address, "useful");
        yield* TestClock.adjust("14 seconds");
        assert.isUndefined(fiber.pollUnsafe());
        yield* TestClock.adjust("1 second");
        assert.strictEqual(show(yield* Fiber.join(fiber)), "10.0.0.1:1");
      }),
    ),
  );

  it.effect("serves several who wait", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        const fibers = yield* Effect.forEach([1, 2, 3], () =>
          Effect.forkChild(candidates.next, { startImmediately: true }),
        );
        yield* candidates.addAll(Stream.fromIterable([1, 2, 3].map((n) => from("tracker", `10.0.0.1:${n}`))));
        const all = yield* Effect.forEach(fibers, Fiber.join);
        assert.deepStrictEqual(all.map(show).sort(), ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"]);
      }),
    ),
  );

  it.effect("ignores addresses that nobody can be at, our own, and the banned", () =>
    run(
      Effect.gen(function* () {
        const bans = yield* Bans;
        const candidates = yield* makeCandidates({ own: [at("0.0.0.0:6881"), at("10.0.0.9:7000")] });
        bans.ban(at("10.0.0.7:1"), "lied");
        for (const address of [
          "10.0.0.1:0",
          "0.0.0.0:5",
          "[::]:5",
          "224.0.0.1:5",
          "[ff02::1]:5",
          "255.255.255.255:5",
          "127.0.0.1:6881",
          "[::1]:6881",
          "10.0.0.9:7000",
          "10.0.0.7:1",
        ])
          candidates.add(from("tracker", address));
        assert.strictEqual(candidates.known(), 0);
        candidates.add(from("tracker", "127.0.0.1:6882"));
        candidates.add(from("tracker", "10.0.0.9:6881"));
        candidates.add(from("tracker", "10.0.0.2:1"));
        candidates.add(from("tracker", "10.0.0.3:1"));
        candidates.ours(at("10.0.0.9:6881"));
        bans.ban(at("10.0.0.2:1"), "lied to another download");
        assert.deepStrictEqual(yield* ready(candidates), ["127.0.0.1:6882", "10.0.0.3:1"]);
        candidates.add(from("tracker", "10.0.0.9:6881"));
        assert.deepStrictEqual(yield* ready(candidates), []);
      }),
    ),
  );

  it.effect("waits twice as long after each failure and gives up in the end", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        const dials = yield* failing(candidates);
        candidates.add(from("tracker", "10.0.0.1:1"));
        yield* TestClock.adjust("1 hour");
        assert.deepStrictEqual(yield* Ref.get(dials), [0, 15, 45, 105]);
        assert.strictEqual(candidates.known(), 1);
      }),
    ),
  );

  it.effect("tries what was given up again when it is named anew some minutes later", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        const dials = yield* failing(candidates);
        candidates.add(from("tracker", "10.0.0.1:1"));
        yield* TestClock.adjust("200 seconds");
        candidates.add(from("tracker", "10.0.0.1:1"));
        yield* TestClock.adjust("300 seconds");
        assert.strictEqual((yield* Ref.get(dials)).length, 4, "too early");
        candidates.add(from("tracker", "10.0.0.1:1"));
        yield* TestClock.adjust("1 hour");
        assert.deepStrictEqual(yield* Ref.get(dials), [0, 15, 45, 105, 500, 515, 545, 605]);
      }),
    ),
  );

  it.effect("never gives up the user's addresses, and waits for a minute at the most", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        const dials = yield* failing(candidates);
        candidates.add(from("peer", "10.0.0.1:1"));
        yield* TestClock.adjust("5 minutes");
        assert.deepStrictEqual(yield* Ref.get(dials), [0, 15, 45, 105, 165, 225, 285]);
      }),
    ),
  );

  it.effect("tries a useful peer that was lost again from the first delay on", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        candidates.add(from("tracker", "10.0.0.1:1"));
        for (const delay of [15, 30]) {
          candidates.disconnected((yield* candidates.next).address, "failed");
          yield* TestClock.adjust(`${delay} seconds`);
        }
        const { address } = yield* candidates.next;
        candidates.connected(address);
        yield* TestClock.adjust("1 hour");
        assert.deepStrictEqual(yield* ready(candidates), [], "it is connected");
        candidates.disconnected(address, "useful");
        const dials = yield* failing(candidates);
        yield* TestClock.adjust("1 hour");
        assert.deepStrictEqual(
          (yield* Ref.get(dials)).map((time) => time - 3645),
          [15, 30, 60, 120],
        );
      }),
    ),
  );

  it.effect("leaves a duplicate alone for a while without counting it as a failure", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        candidates.add(from("tracker", "10.0.0.1:1"));
        for (let round = 0; round < 6; round++) {
          candidates.disconnected((yield* candidates.next).address, "duplicate");
          yield* TestClock.adjust("299 seconds");
          assert.deepStrictEqual(yield* ready(candidates), []);
          yield* TestClock.adjust("1 second");
        }
        assert.deepStrictEqual(yield* ready(candidates), ["10.0.0.1:1"]);
      }),
    ),
  );

  it.effect("passes on the failure of a stream that it is fed from", () =>
    run(
      Effect.gen(function* () {
        const candidates = yield* makeCandidates({ own: [] });
        const source = Stream.concat(Stream.make(from("tracker", "10.0.0.1:1")), Stream.fail("down"));
        assert.strictEqual(yield* Effect.flip(candidates.addAll(source)), "down");
        assert.strictEqual(candidates.known(), 1);
      }),
    ),
  );
});
