import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { NetAddress } from "effect/net";
import { decodeNatPmp, encodeNatPmpAddress, encodeNatPmpMap, natPmpResult } from "../../src/schema/natPmp.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("natPmp", () => {
  it("writes the layouts of RFC 6886, 3.2 and 3.3", () => {
    assert.strictEqual(hex(encodeNatPmpAddress()), "0000");
    const mapping = { protocol: "TCP", internal: 0x1ae1, external: 0x1ae2 } as const;
    assert.strictEqual(hex(encodeNatPmpMap(mapping, 3_600)), "000200001ae11ae200000e10");
    assert.strictEqual(hex(encodeNatPmpMap({ ...mapping, protocol: "UDP" }, 3_600)), "000100001ae11ae200000e10");
  });

  it("asks for the end of a mapping with no lifetime and no external port", () => {
    const mapping = { protocol: "UDP", internal: 1, external: 2 } as const;
    assert.strictEqual(hex(encodeNatPmpMap(mapping, 0)), "000100000001000000000000");
  });

  it("reads the external address", () => {
    assert.deepStrictEqual(decodeNatPmp(bytes("0080 0000 00000102 cb007109")), {
      _tag: "Address",
      epoch: 258,
      address: NetAddress.ipv4FromBytesUnsafe(Uint8Array.of(203, 0, 113, 9)),
    });
  });

  it("reads a mapping", () => {
    assert.deepStrictEqual(decodeNatPmp(bytes("0082 0000 00000007 1ae1 1ae2 00001c20")), {
      _tag: "Mapped",
      protocol: "TCP",
      epoch: 7,
      internal: 6881,
      external: 6882,
      lifetime: 7_200,
    });
  });

  it("reads refusals, which may be short, and knows what they mean", () => {
    for (const result of [1, 2, 3, 4, 5]) {
      assert.deepStrictEqual(decodeNatPmp(Uint8Array.of(0, 129, 0, result, 0, 0, 0, 9)), {
        _tag: "Refused",
        opcode: 1,
        result,
        epoch: 9,
      });
      assert.notStrictEqual(natPmpResult(result), "unknown result");
    }
    assert.strictEqual(natPmpResult(77), "unknown result");
  });

  it("refuses what is cut off, a request, or of another version", () => {
    for (const text of [
      "",
      "0080",
      "0080 0000 00000102 cb0071",
      "0082 0000 00000007 1ae1",
      "0002 0000 00000000",
      "0280 0000 00000000 00000000",
    ])
      assert.isUndefined(decodeNatPmp(bytes(text)));
  });

  it.prop("never throws at arbitrary bytes", { packet: Schema.Uint8Array }, ({ packet }) => {
    decodeNatPmp(packet);
    decodeNatPmp(Uint8Array.of(0, 128 + ((packet[0] ?? 0) % 4), ...packet));
  });
});
