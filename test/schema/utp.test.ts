import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import {
  decodeUtp,
  encodeUtp,
  isUtp,
  makeUtpPacket,
  selectiveAck,
  seqAfter,
  seqDistance,
  UTP_HEADER_LENGTH,
  UtpType,
  writeUtpAck,
  writeUtpTimes,
} from "../../src/schema/utp.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const upTo = (maximum: number) => Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum })));
const Bytes = Schema.Array(upTo(255)).pipe(Schema.check(Schema.isMaxLength(80)));
const Header = {
  type: Schema.Literals([UtpType.Data, UtpType.Fin, UtpType.State, UtpType.Reset, UtpType.Syn]),
  connectionId: upTo(0xffff),
  timestamp: upTo(0xffff_ffff),
  timestampDifference: upTo(0xffff_ffff),
  window: upTo(0xffff_ffff),
  seq: upTo(0xffff),
  ack: upTo(0xffff),
};

const decoded = (bytes: Uint8Array) => {
  const packet = makeUtpPacket();
  return decodeUtp(bytes, packet) ? packet : undefined;
};

describe("utp", () => {
  it.prop("gives back a header and a mask as they were", { ...Header, mask: upTo(8) }, ({ mask: words, ...header }) => {
    const mask = Uint8Array.from({ length: words * 4 }, (_, at) => at + 1);
    const bytes = encodeUtp(header, words === 0 ? undefined : mask);
    assert.isTrue(isUtp(bytes));
    const { maskAt, maskLength, payloadAt, ...fields } = decoded(bytes) ?? makeUtpPacket();
    assert.deepStrictEqual(fields, header);
    assert.strictEqual(payloadAt, bytes.length);
    assert.deepStrictEqual([...bytes.subarray(maskAt, maskAt + maskLength)], [...mask]);
  });

  it.prop("reads nothing outside of arbitrary bytes", [Bytes], ([bytes]) => {
    const packet = decoded(Uint8Array.from(bytes));
    if (packet === undefined) return;
    assert.isAtMost(packet.payloadAt, bytes.length);
    assert.isAtMost(packet.maskAt + packet.maskLength, bytes.length);
  });

  it.prop("bears any chain of extensions", [Bytes, upTo(255)], ([rest, extension]) => {
    const bytes = Uint8Array.from([0x01, extension, ...Array.from({ length: 18 }, () => 0), ...rest]);
    const packet = decoded(bytes);
    if (extension === 0) assert.strictEqual(packet?.payloadAt, UTP_HEADER_LENGTH);
    if (packet !== undefined) assert.isAtMost(packet.payloadAt, bytes.length);
  });

  it("skips extensions that it does not know", () => {
    const header = Array.from({ length: 18 }, () => 0);
    const packet = decoded(Uint8Array.from([0x01, 9, ...header, 1, 2, 7, 7, 0, 4, 1, 2, 3, 4, 42]));
    assert.deepStrictEqual([packet?.maskAt, packet?.maskLength, packet?.payloadAt], [26, 4, 30]);
  });

  it("leaves other protocols of the port alone", () => {
    const dht = new TextEncoder().encode("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
    const connectAnswer = Uint8Array.from([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0]);
    for (const bytes of [dht, connectAnswer, Uint8Array.of(0x21)]) {
      assert.isFalse(isUtp(bytes));
      assert.isUndefined(decoded(bytes));
    }
  });

  it("writes anew what changes when a packet is sent again", () => {
    const bytes = encodeUtp({
      type: UtpType.Data,
      connectionId: 1,
      timestamp: 2,
      timestampDifference: 3,
      window: 4,
      seq: 5,
      ack: 6,
    });
    writeUtpTimes(bytes, 0xffff_fffe, 20);
    writeUtpAck(bytes, 30, 40);
    const packet = decoded(bytes);
    assert.deepStrictEqual(
      [packet?.timestamp, packet?.timestampDifference, packet?.window, packet?.ack, packet?.seq],
      [0xffff_fffe, 20, 30, 40, 5],
    );
  });

  it.prop("counts around the circle", [upTo(0xffff), upTo(0x7fff)], ([seq, by]) => {
    assert.strictEqual(seqDistance(seqAfter(seq, by), seq), by);
    assert.isTrue(seqDistance(seq, seqAfter(seq, by)) === -by);
  });
});

describeFixtures("utp by the published vectors", () => {
  const { cases } = vectors(
    "bep29_selective_ack",
    Schema.Struct({
      cases: Schema.Array(
        Schema.Struct({ ackNr: Schema.Int, received: Schema.Array(Schema.Int), mask: Schema.String }),
      ),
    }),
  );
  for (const { ackNr, received, mask } of cases)
    it(`tells ${received.join(", ")} after ${ackNr}`, () => {
      const furthest = Math.max(...received.map((seq) => seqDistance(seq, ackNr)));
      const told = selectiveAck(ackNr, furthest, (seq) => received.includes(seq));
      assert.strictEqual(Buffer.from(told ?? []).toString("hex"), mask);
    });
});
