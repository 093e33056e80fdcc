import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { NetAddress } from "effect/net";
import { decodePcp, encodePcpAnnounce, encodePcpMap, pcpResult } from "../../src/schema/pcp.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

const nonce = Uint8Array.from({ length: 12 }, (_, at) => at + 1);
const client = NetAddress.ipFromStringUnsafe("192.0.2.7");
const MAPPED_CLIENT = "00000000000000000000ffffc0000207";
const ANSWER = `0281 00 00 00000e10 00000100 ${"00".repeat(12)} 0102030405060708090a0b0c 06 000000 1ae1 1ae2 00000000000000000000ffffcb007109`;

describe("pcp", () => {
  it("writes the layouts of RFC 6887, 7.1 and 11.1", () => {
    const packet = encodePcpMap({ protocol: "TCP", internal: 6881, external: 6882 }, 3_600, { client, nonce });
    assert.strictEqual(
      hex(packet),
      `0201000000000e10${MAPPED_CLIENT}0102030405060708090a0b0c060000001ae11ae200000000000000000000ffff00000000`,
    );
    assert.strictEqual(hex(encodePcpAnnounce(client)), `0200000000000000${MAPPED_CLIENT}`);
  });

  it("asks for pinholes of IPv6 hosts with the other unspecified address", () => {
    const v6 = NetAddress.ipFromStringUnsafe("2001:db8::7");
    const packet = encodePcpMap({ protocol: "UDP", internal: 1, external: 1 }, 0, { client: v6, nonce });
    assert.strictEqual(hex(packet.subarray(8, 24)), "20010db8000000000000000000000007");
    assert.strictEqual(hex(packet.subarray(44)), "00".repeat(16));
    assert.strictEqual(packet[36], 17);
  });

  it("reads a mapping", () => {
    assert.deepStrictEqual(decodePcp(bytes(ANSWER)), {
      _tag: "Mapped",
      protocol: "TCP",
      epoch: 256,
      lifetime: 3_600,
      nonce,
      internal: 6881,
      external: 6882,
      address: NetAddress.ipFromStringUnsafe("203.0.113.9"),
    });
  });

  it("reads the age of the table", () => {
    assert.deepStrictEqual(decodePcp(bytes(`0280 0000 00000000 00000009 ${"00".repeat(12)}`)), {
      _tag: "Announced",
      epoch: 9,
    });
  });

  it("knows a router that speaks NAT-PMP alone by its answer, and one of another version", () => {
    assert.deepStrictEqual(decodePcp(bytes("0081 0001 00000000")), { _tag: "OtherVersion" });
    assert.deepStrictEqual(decodePcp(bytes(`0181 0001 00000000 ${"00".repeat(16)}`)), { _tag: "OtherVersion" });
  });

  it("reads refusals and knows what they mean", () => {
    for (let result = 2; result <= 13; result++) {
      assert.deepStrictEqual(
        decodePcp(bytes(`0281 00 ${result.toString(16).padStart(2, "0")} 00000000 00000000 ${"00".repeat(12)}`)),
        { _tag: "Refused", result },
      );
      assert.notStrictEqual(pcpResult(result), "unknown result");
    }
    assert.strictEqual(pcpResult(200), "unknown result");
  });

  it("refuses what is cut off, too long, a request, or of another transport", () => {
    const answer = bytes(ANSWER);
    for (let length = 0; length < answer.length; length++) assert.isUndefined(decodePcp(answer.subarray(0, length)));
    assert.isUndefined(decodePcp(Uint8Array.of(...answer, ...new Uint8Array(1_100))));
    assert.isUndefined(decodePcp(answer.with(1, 1)));
    assert.isUndefined(decodePcp(answer.with(36, 1)));
  });

  it.prop("never throws at arbitrary bytes", { packet: Schema.Uint8Array }, ({ packet }) => {
    decodePcp(packet);
    decodePcp(Uint8Array.of(2, 0x80 + ((packet[0] ?? 0) % 3), 0, 0, ...packet));
  });
});
