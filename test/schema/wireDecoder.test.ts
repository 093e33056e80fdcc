import { MAX_HASHES } from "../../src/schema/hashRange.ts";
import type { WireViolation } from "../../src/schema/errors/PeerError.ts";
import { MAX_PIECE_PAYLOAD } from "../../src/schema/block.ts";
import { encode, pieceHeader } from "../../src/schema/wire.ts";
import { makeDecoder } from "../../src/schema/wireDecoder.ts";
import type { EncodableMessage, Message } from "../../src/schema/message.ts";
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { concat, cut, decodeAll, frame, MAX_BITFIELD, MAX_EXTENDED } from "../support/wire.ts";

const U32 = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff })));
const U16 = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xffff })));
const Byte = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xff })));
const bytesUpTo = (length: number) => Schema.Array(Byte).pipe(Schema.check(Schema.isMaxLength(length)));
const Span = { index: U32, begin: U32, length: U32 };
const Numbers = { base: U32, index: U32, proofLayers: U32 };
const root = Uint8Array.from({ length: 32 }, (_, i) => i);

const Sent = Schema.Union([
  Schema.Struct({
    _tag: Schema.Literals(["KeepAlive", "Choke", "Unchoke", "Interested", "NotInterested", "HaveAll", "HaveNone"]),
  }),
  Schema.Struct({ _tag: Schema.Literals(["Have", "Suggest", "AllowedFast"]), index: U32 }),
  Schema.Struct({ _tag: Schema.Literals(["Request", "Cancel", "Reject"]), ...Span }),
  Schema.Struct({ _tag: Schema.Literal("Bitfield"), bytes: bytesUpTo(MAX_BITFIELD) }),
  Schema.Struct({ _tag: Schema.Literal("Port"), port: U16 }),
  Schema.Struct({ _tag: Schema.Literal("Extended"), id: Byte, bytes: bytesUpTo(MAX_EXTENDED) }),
  Schema.Struct({
    _tag: Schema.Literal("Piece"),
    index: U32,
    begin: U32,
    bytes: bytesUpTo(80).pipe(Schema.check(Schema.isMinLength(1))),
  }),
  Schema.Struct({ _tag: Schema.Literals(["HashRequest", "HashReject"]), ...Numbers, length: U32 }),
  Schema.Struct({
    _tag: Schema.Literal("Hashes"),
    ...Numbers,
    height: Byte.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 6 }))),
    proofLayers: Byte.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 40 }))),
  }),
  Schema.Struct({ _tag: Schema.Literal("Unknown"), bytes: bytesUpTo(80) }),
]);
type Sent = typeof Sent.Type;

/** The bytes of what was sent, and the message that has to come out. */
const wire = (sent: Sent): readonly [Uint8Array, Message | undefined] => {
  const same = (message: EncodableMessage): readonly [Uint8Array, Message] => [encode(message), message];
  switch (sent._tag) {
    case "Bitfield":
      return same({ _tag: "Bitfield", bits: Uint8Array.from(sent.bytes) });
    case "Extended":
      return same({ _tag: "Extended", id: sent.id, payload: Uint8Array.from(sent.bytes) });
    case "Unknown":
      return [frame(99, sent.bytes), undefined];
    case "Piece": {
      const { index, begin, bytes } = sent;
      const wanted = index % 2 === 0 && begin !== 0;
      return [
        concat([pieceHeader(index, begin, bytes.length), Uint8Array.from(bytes)]),
        { _tag: "Piece", index, begin, length: bytes.length, wanted },
      ];
    }
    case "Have":
    case "Suggest":
    case "AllowedFast":
      return same({ _tag: sent._tag, index: sent.index });
    case "Request":
    case "Cancel":
    case "Reject":
      return same({ _tag: sent._tag, index: sent.index, begin: sent.begin, length: sent.length });
    case "Port":
      return same({ _tag: "Port", port: sent.port });
    case "HashRequest":
    case "HashReject": {
      const { base, index, length, proofLayers } = sent;
      return same({ _tag: sent._tag, range: { root, base, index, length, proofLayers } });
    }
    case "Hashes": {
      const { base, height, proofLayers } = sent;
      const length = 2 ** height;
      const index = sent.index - (sent.index % length);
      const count = length + Math.max(0, proofLayers - (height - 1));
      const hashes = Uint8Array.from({ length: 32 * count }, (_, i) => i * 7);
      return same({ _tag: "Hashes", range: { root, base, index, length, proofLayers }, hashes });
    }
    default:
      return same({ _tag: sent._tag });
  }
};

/** One of everything, with payloads on both sides of a header's length. */
const SEQUENCE: ReadonlyArray<Sent> = [
  { _tag: "KeepAlive" },
  { _tag: "Bitfield", bytes: [0xc0, 0x40] },
  { _tag: "Extended", id: 0, bytes: [0x64, 0x65] },
  { _tag: "Piece", index: 2, begin: 16384, bytes: Array.from({ length: 40 }, (_, i) => i) },
  { _tag: "Piece", index: 3, begin: 0, bytes: Array.from({ length: 21 }, (_, i) => 255 - i) },
  { _tag: "Have", index: 0xffff_fffe },
  { _tag: "Unknown", bytes: [1, 2, 3, 4, 5, 6] },
  { _tag: "Unknown", bytes: [] },
  { _tag: "Request", index: 1, begin: 16384, length: 16384 },
  { _tag: "Piece", index: 4, begin: 1, bytes: [7] },
  { _tag: "Extended", id: 3, bytes: [] },
  { _tag: "Bitfield", bytes: [] },
  { _tag: "Port", port: 6881 },
  { _tag: "Choke" },
  { _tag: "KeepAlive" },
  { _tag: "HashRequest", base: 2, index: 512, length: 512, proofLayers: 7 },
  { _tag: "Hashes", base: 0, index: 6, height: 1, proofLayers: 1 },
  { _tag: "HashReject", base: 0, index: 0, length: 3, proofLayers: 0 },
  { _tag: "HaveNone" },
];

describe("the decoder of the wire", () => {
  it.prop(
    "gives back what was encoded, however it is cut",
    { sent: Schema.Array(Sent), lengths: Schema.Array(Byte.pipe(Schema.check(Schema.isGreaterThan(0)))) },
    ({ sent, lengths }) => {
      const pairs = sent.map(wire);
      const { messages, blocks, violation } = decodeAll(cut(concat(pairs.map(([bytes]) => bytes)), lengths));
      assert.isUndefined(violation);
      assert.deepStrictEqual(
        messages,
        pairs.flatMap(([, message]) => (message === undefined ? [] : [message])),
      );
      assert.deepStrictEqual(
        blocks,
        sent
          .filter((one) => one._tag === "Piece")
          .map(({ index, begin, bytes }) => ({
            index,
            begin,
            length: bytes.length,
            payload: index % 2 === 1 ? undefined : Uint8Array.from(bytes),
            ended: index % 2 === 0,
          })),
      );
    },
  );

  it("gives the same for every place of two cuts", () => {
    const bytes = concat(SEQUENCE.map((one) => wire(one)[0]));
    const whole = decodeAll([bytes]);
    assert.isUndefined(whole.violation);
    assert.strictEqual(whole.messages.length, SEQUENCE.length - 2);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= Math.min(bytes.length, first + 20); second++) {
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        assert.deepStrictEqual(decodeAll(parts), whole, `cut at ${first} and ${second}`);
      }
    }
  });

  it.prop(
    "takes any bytes with bounded memory and without throwing, cut or not",
    {
      frames: Schema.Array(
        Schema.Struct({
          id: Byte.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 24 }))),
          bytes: Schema.Union([bytesUpTo(20), bytesUpTo(200).pipe(Schema.check(Schema.isMinLength(48)))]),
          lie: Schema.Union([Schema.Literal(0), Schema.Int]),
        }),
      ),
      rest: Schema.Uint8Array,
      length: Byte.pipe(Schema.check(Schema.isGreaterThan(0))),
    },
    ({ frames, rest, length }) => {
      const lying = frames.map(({ id, bytes, lie }) => {
        const one = frame(id, bytes);
        new DataView(one.buffer).setUint32(0, one.length - 4 + lie);
        return one;
      });
      const bytes = concat([...lying, rest]);
      const whole = decodeAll([bytes]);
      for (const block of whole.blocks) assert.isTrue(block.length > 0 && block.length <= MAX_PIECE_PAYLOAD);
      assert.isAtMost(whole.blocks.length, bytes.length / 13);
      for (const message of whole.messages) {
        if (message._tag === "Bitfield") assert.isAtMost(message.bits.buffer.byteLength, MAX_BITFIELD);
        if (message._tag === "Extended") assert.isAtMost(message.payload.buffer.byteLength, MAX_EXTENDED);
        if (message._tag === "Hashes") assert.isAtMost(message.hashes.buffer.byteLength, MAX_HASHES);
      }
      assert.deepStrictEqual(decodeAll(cut(bytes, [length])), whole);
    },
    { arbitrary: { runs: 400 } },
  );

  it("copies payloads out of the read buffer and nothing else of it", () => {
    const { messages } = decodeAll([encode({ _tag: "Extended", id: 1, payload: Uint8Array.of(5, 6) })]);
    assert.deepStrictEqual(messages, [{ _tag: "Extended", id: 1, payload: Uint8Array.of(5, 6) }]);
  });

  it("makes messages without a payload once", () => {
    const { messages } = decodeAll([concat([frame(1, []), frame(1, []), new Uint8Array(8)])]);
    assert.strictEqual(messages[0], messages[1]);
    assert.strictEqual(messages[2], messages[3]);
  });

  it("refuses lengths that do not fit the kind, by name", () => {
    const fixed: ReadonlyArray<readonly [number, string, number]> = [
      [0, "choke", 0],
      [1, "unchoke", 0],
      [2, "interested", 0],
      [3, "not interested", 0],
      [4, "have", 4],
      [6, "request", 12],
      [8, "cancel", 12],
      [9, "port", 2],
      [13, "suggest", 4],
      [14, "have all", 0],
      [15, "have none", 0],
      [16, "reject", 12],
      [17, "allowed fast", 4],
      [21, "hash request", 48],
      [23, "hash reject", 48],
    ];
    for (const [id, message, payload] of fixed) {
      for (const length of payload === 0 ? [1, 300] : [payload - 1, payload + 1, 0]) {
        assert.deepStrictEqual(decodeAll([frame(id, new Uint8Array(length))]).violation, {
          _tag: "BadLength",
          message,
          length: length + 1,
        });
      }
    }
    assert.deepStrictEqual(decodeAll([frame(20, [])]).violation, { _tag: "BadLength", message: "extended", length: 1 });
  });

  it("refuses pieces without payload or with too much before asking for memory", () => {
    for (const length of [-1, 0, MAX_PIECE_PAYLOAD + 1, 0xffff_ffff - 9]) {
      const { blocks, violation } = decodeAll([pieceHeader(0, 0, length)]);
      assert.deepStrictEqual(violation, { _tag: "BadLength", message: "piece", length: 9 + length });
      assert.deepStrictEqual(blocks, []);
    }
    const longest = decodeAll([pieceHeader(0, 1, MAX_PIECE_PAYLOAD), new Uint8Array(MAX_PIECE_PAYLOAD)]);
    assert.deepStrictEqual(longest.messages, [
      { _tag: "Piece", index: 0, begin: 1, length: MAX_PIECE_PAYLOAD, wanted: true },
    ]);
  });

  it("refuses frames beyond their limit at the id, before the rest arrives", () => {
    const head = (id: number, length: number) =>
      frame(id, [])
        .with(2, length >>> 8)
        .with(3, length)
        .with(1, length >>> 16);
    const limits: ReadonlyArray<readonly [number, number]> = [
      [5, 1 + MAX_BITFIELD],
      [20, 2 + MAX_EXTENDED],
      [19, 9 + MAX_PIECE_PAYLOAD],
      [255, 9 + MAX_PIECE_PAYLOAD],
    ];
    for (const [id, limit] of limits) {
      assert.isUndefined(decodeAll([head(id, limit)]).violation);
      assert.deepStrictEqual(decodeAll([head(id, limit + 1)]).violation, {
        _tag: "FrameTooLong",
        length: limit + 1,
        limit,
      });
    }
    assert.deepStrictEqual(decodeAll([new TextEncoder().encode("HTTP/1.1")]).violation, {
      _tag: "FrameTooLong",
      length: 0x48545450,
      limit: 9 + MAX_PIECE_PAYLOAD,
    });
  });

  it("delivers what came before a violation and takes nothing after it", () => {
    const out: Array<Message> = [];
    const decoder = makeDecoder({
      blocks: { begin: () => assert.fail("a block after a violation"), end: () => false },
      maxBitfield: MAX_BITFIELD,
      maxExtended: MAX_EXTENDED,
    });
    const bad: WireViolation = { _tag: "BadLength", message: "have", length: 1 };
    assert.deepStrictEqual(decoder(concat([frame(1, []), frame(4, []), frame(0, [])]), out), bad);
    assert.deepStrictEqual(decoder(concat([frame(0, []), pieceHeader(0, 0, 1)]), out), bad);
    assert.deepStrictEqual(out, [{ _tag: "Unchoke" }]);
  });
});
