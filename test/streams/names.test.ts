import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Option, Stream } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
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

  it("come in the order in which a peer understood them before", () => {
    const names = makeNames(hybrid, true);
    assert.deepStrictEqual(names.inOrder(peer), [v1, v2]);
    names.understood(peer, v1);
    assert.deepStrictEqual(names.inOrder(peer), [v1, v2]);
    names.understood(peer, v2);
    assert.deepStrictEqual(names.inOrder(peer), [v2, v1]);
    names.understood(peer, v1);
    assert.deepStrictEqual(names.inOrder(peer), [v1, v2]);
    assert.deepStrictEqual(makeNames(onlyV1, true).inOrder(peer), [v1]);
  });
});
