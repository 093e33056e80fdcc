import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Option, Stream } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import type { PeerReason } from "../../src/schema/errors/PeerError.ts";
import { TransportError, type TransportReason } from "../../src/schema/errors/TransportError.ts";
import { fromBytes, type TorrentHashes } from "../../src/schema/infoHash.ts";
import { makeNames } from "../../src/streams/names.ts";

const v1 = Option.getOrThrow(fromBytes(new Uint8Array(20).fill(1)));
const long = new Uint8Array(32).fill(2);
const v2 = Option.getOrThrow(fromBytes(long));
const other = Option.getOrThrow(fromBytes(new Uint8Array(20).fill(3)));
const onlyV1: TorrentHashes = { infoHash: v1, infoHashV1: v1.hex };
const onlyV2: TorrentHashes = { infoHash: v2, infoHashV2: Hex.encode(long) };
const hybrid: TorrentHashes = { ...onlyV1, infoHashV2: Hex.encode(long) };
const peer = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:6881");
const lost = (reason: TransportReason) => new TransportError({ address: "10.0.0.9:6881", reason });

const each = (names: ReturnType<typeof makeNames>) => Effect.map(Stream.runCollect(names.each), (all) => [...all]);

describe("names", () => {
  it.effect("are one for v1 and v2, the latter truncated, and two for a hybrid", () =>
    Effect.gen(function* () {
      for (const [hashes, expected] of [
        [onlyV1, [v1]],
        [onlyV2, [v2]],
        [hybrid, [v1, v2]],
      ] as const) {
        const names = makeNames(hashes, true);
        assert.deepStrictEqual([...names.known()], [...expected]);
        assert.deepStrictEqual(yield* each(names), [...expected]);
      }
    }),
  );

  it.effect("grow when a magnet link's metadata tells of the other", () =>
    Effect.gen(function* () {
      for (const [link, learned, expected] of [
        [onlyV1, hybrid, [v1, v2]],
        [onlyV2, hybrid, [v2, v1]],
        [onlyV1, onlyV1, [v1]],
      ] as const) {
        const names = makeNames(link, false);
        const all = yield* Effect.forkChild(each(names), { startImmediately: true });
        const another = yield* Effect.forkChild(names.another, { startImmediately: true });
        yield* Effect.yieldNow;
        assert.isUndefined(all.pollUnsafe());
        names.learned(learned);
        assert.deepStrictEqual(yield* Fiber.join(all), [...expected]);
        assert.sameDeepMembers([...names.known()], [...expected]);
        yield* Effect.yieldNow;
        assert.strictEqual(another.pollUnsafe() !== undefined, expected.length === 2);
        yield* Fiber.interrupt(another);
      }
    }),
  );

  it("offer to go on with v2 under the v1 hash of a hybrid alone, and take either answer to that", () => {
    const names = makeNames(hybrid, true);
    assert.deepStrictEqual(names.offer(v1), { infoHash: v1, v2Upgrade: true });
    assert.deepStrictEqual(names.offer(v2), { infoHash: v2, v2Upgrade: false });
    assert.deepStrictEqual(
      [names.isAnswer(v1, v1), names.isAnswer(v1, v2), names.isAnswer(v1, other)],
      [true, true, false],
    );
    assert.deepStrictEqual([names.isAnswer(v2, v2), names.isAnswer(v2, v1)], [true, false]);
    assert.deepStrictEqual(makeNames(onlyV1, true).offer(v1), { infoHash: v1, v2Upgrade: false });
    assert.deepStrictEqual([names.isV2(v1), names.isV2(v2)], [false, true]);
  });

  it("answer either hash of ours, and the v1 hash with v2's where that is offered", () => {
    const names = makeNames(hybrid, true);
    assert.deepStrictEqual(names.answer({ infoHash: v1, v2Upgrade: true }), v2);
    assert.deepStrictEqual(names.answer({ infoHash: v1, v2Upgrade: false }), v1);
    assert.deepStrictEqual(names.answer({ infoHash: v2, v2Upgrade: false }), v2);
    assert.deepStrictEqual(names.answer({ infoHash: v2, v2Upgrade: true }), v2);
    assert.isUndefined(names.answer({ infoHash: other, v2Upgrade: true }));
    assert.deepStrictEqual(makeNames(onlyV1, true).answer({ infoHash: v1, v2Upgrade: true }), v1);
    assert.isUndefined(makeNames(onlyV1, true).answer({ infoHash: v2, v2Upgrade: false }));
  });

  it.effect(
    "are tried one after the other with those that hang up, the one that was understood first the next time",
    () =>
      Effect.gen(function* () {
        const names = makeNames(hybrid, true);
        const tried: Array<string> = [];
        const dial = names.inTurn(peer, (name) =>
          Effect.suspend(() => {
            tried.push(name.hex);
            return name.hex === v2.hex ? Effect.void : Effect.fail(lost({ _tag: "Reset" }));
          }),
        );
        yield* dial;
        yield* dial;
        assert.deepStrictEqual(tried, [v1.hex, v2.hex, v2.hex]);
      }),
  );

  it.effect("are not tried again with those that are not there or will not have us, nor for v1", () =>
    Effect.gen(function* () {
      const refusals: ReadonlyArray<readonly [TorrentHashes, PeerReason | TransportError]> = [
        [hybrid, lost({ _tag: "Refused" })],
        [hybrid, { _tag: "Duplicate" }],
        [onlyV1, lost({ _tag: "Closed" })],
      ];
      for (const [hashes, failure] of refusals) {
        let times = 0;
        const dial = makeNames(hashes, true).inTurn(peer, () =>
          Effect.suspend(() => {
            times++;
            return Effect.fail(failure);
          }),
        );
        assert.deepStrictEqual(yield* Effect.flip(dial), failure);
        assert.strictEqual(times, 1);
      }
    }),
  );
});
