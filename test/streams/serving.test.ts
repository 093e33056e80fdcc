import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { allowedFast } from "../../src/schema/allowedFast.ts";
import type { BlockSpan } from "../../src/schema/block.ts";
import type { Message } from "../../src/schema/message.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { digests } from "../support/digests.ts";
import { type FakeOptions, type FakeTalk, makeFakePeer } from "../support/fakePeer.ts";
import { makeFixture, makeSeed, TRACKER } from "../support/swarm.ts";

const fixture = makeFixture({ length: 40 * 32_768, pieceLength: 32_768, tracker: TRACKER });
const { infoHash, pieceCount } = fixture.metainfo.info;
const LEECHER = "10.0.0.2";

/** The pieces that the leecher may have while choked. */
const allowed = allowedFast({
  address: NetAddress.ipv4FromBytesUnsafe(Uint8Array.of(10, 0, 0, 2)),
  infoHash,
  pieceCount,
  size: 10,
  sha1: digests.sha1,
});
const other = Array.from({ length: pieceCount }, (_, index) => index).find((index) => !allowed.includes(index)) ?? 0;
const block = (index: number, begin = 0): BlockSpan => ({ index, begin, length: 16_384 });
const heard = <Tag extends Message["_tag"]>(talk: FakeTalk | undefined, tag: Tag) =>
  (talk?.heard ?? []).filter((message): message is Extract<Message, { readonly _tag: Tag }> => message._tag === tag);

/** A seed of ours, and a peer that connects to it and has nothing. */
const connected = (options: Partial<FakeOptions> = {}) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    yield* makeSeed(fixture, { network, address: "10.0.0.1" });
    yield* TestClock.adjust("1 second");
    const leecher = yield* makeFakePeer({ network, address: LEECHER, fixture, greet: () => {}, ...options });
    yield* Effect.forkScoped(leecher.dial("10.0.0.1:6881"));
    yield* TestClock.adjust("1 second");
    const [talk] = leecher.talks;
    assert.isDefined(talk);
    return talk;
  });

describe("serving", () => {
  it.effect("rejects what a choked peer with the fast extension asks for, and ignores it otherwise", () =>
    Effect.gen(function* () {
      const talk = yield* connected();
      talk.say({ _tag: "Request", ...block(other) });
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(heard(talk, "Reject"), [{ _tag: "Reject", ...block(other) }]);
      assert.deepStrictEqual(heard(talk, "Request"), []);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("ignores what a choked peer without the fast extension asks for", () =>
    Effect.gen(function* () {
      const talk = yield* connected({ fast: false });
      talk.say({ _tag: "Request", ...block(other) });
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual([heard(talk, "Reject"), heard(talk, "Piece"), heard(talk, "AllowedFast")], [[], [], []]);
      assert.isFalse(talk.ended);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("lets a choked peer have the pieces of its allowed fast set once (BEP 6)", () =>
    Effect.gen(function* () {
      const talk = yield* connected();
      assert.deepStrictEqual(
        heard(talk, "AllowedFast").map(({ index }) => index),
        [...allowed],
      );
      const [index = 0] = allowed;
      talk.say(
        { _tag: "Request", ...block(index) },
        { _tag: "Request", ...block(index, 16_384) },
        { _tag: "Request", ...block(index) },
      );
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(
        heard(talk, "Piece").map(({ begin }) => begin),
        [0, 16_384],
      );
      assert.deepStrictEqual(heard(talk, "Reject"), [{ _tag: "Reject", ...block(index) }]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("suggests what was just read to a peer that it unchokes, but not what that has (BEP 6)", () =>
    Effect.gen(function* () {
      const talk = yield* connected();
      const [had = 0, lacking = 0] = allowed;
      for (const index of [had, lacking]) {
        talk.say({ _tag: "Request", ...block(index) });
        yield* TestClock.adjust("1 second");
      }
      talk.say({ _tag: "Have", index: had }, { _tag: "Interested" });
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(heard(talk, "Suggest"), [{ _tag: "Suggest", index: lacking }]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("serves an interested peer what it asks for, and not what it cancels in time", () =>
    Effect.gen(function* () {
      const talk = yield* connected();
      talk.say({ _tag: "Interested" });
      yield* TestClock.adjust("1 second");
      assert.strictEqual(heard(talk, "Unchoke").length, 1);
      talk.say(
        { _tag: "Request", ...block(3) },
        { _tag: "Request", ...block(other) },
        { _tag: "Cancel", ...block(other) },
      );
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(
        heard(talk, "Piece").map(({ index }) => index),
        [3],
      );
      assert.deepStrictEqual(heard(talk, "Reject"), [{ _tag: "Reject", ...block(other) }]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
