import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import * as Bencode from "../../src/schema/bencode.ts";
import { decodePeers, decodePeers6, encodePeers, encodePeers6 } from "../../src/schema/compactPeers.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const Bytes = (entry: number) =>
  Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })))).pipe(
    Schema.check(Schema.isMaxLength(entry * 3)),
  );

describe("compactPeers", () => {
  it("reads IPv4 and IPv6 entries", () => {
    assert.deepStrictEqual(
      decodePeers(Uint8Array.of(127, 0, 0, 1, 0x1a, 0xe1, 255, 255, 255, 255, 0, 0)).map(NetAddress.formatInet),
      ["127.0.0.1:6881", "255.255.255.255:0"],
    );
    const six = Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff);
    assert.deepStrictEqual(decodePeers6(six).map(NetAddress.formatInet), ["[2001:db8::1]:65535"]);
  });

  it.prop("gives back IPv4 entries as they were, without a rest that is too short", [Bytes(6)], ([from]) => {
    const peers = decodePeers(Uint8Array.from(from)).filter(NetAddress.isInetAddressV4);
    assert.deepStrictEqual([...encodePeers(peers)], from.slice(0, from.length - (from.length % 6)));
  });

  it.prop("gives back IPv6 entries as they were, without a rest that is too short", [Bytes(18)], ([from]) => {
    const peers = decodePeers6(Uint8Array.from(from)).filter(NetAddress.isInetAddressV6);
    assert.deepStrictEqual([...encodePeers6(peers)], from.slice(0, from.length - (from.length % 18)));
  });

  it("does not hold on to the bytes that it read", () => {
    const bytes = Uint8Array.of(10, 0, 0, 1, 0, 80);
    const peers = decodePeers(bytes);
    bytes.fill(0);
    assert.deepStrictEqual(peers.map(NetAddress.formatInet), ["10.0.0.1:80"]);
  });
});

describeFixtures("compactPeers vectors", () => {
  const read = (bytes: Uint8Array): Bencode.BencodeDictionary => {
    const value = Result.getOrThrow(Bencode.decode(bytes));
    return Bencode.isDictionary(value) ? value : assert.fail("not a dictionary");
  };

  it("hold for the response of BEP 7", () => {
    const { ascii } = vectors("bep07_response", Schema.Struct({ ascii: Schema.String }));
    const response = read(new TextEncoder().encode(ascii));
    const peers = decodePeers(Dictionary.bytes(response, "peers") ?? new Uint8Array());
    const peers6 = decodePeers6(Dictionary.bytes(response, "peers6") ?? new Uint8Array());
    assert.deepStrictEqual(peers.map(NetAddress.formatInet), ["105.105.105.105:28784"]);
    assert.deepStrictEqual(peers6.map(NetAddress.formatInet), ["[6969:6969:6969:6969:6969:6969:6969:6969]:28784"]);
  });

  const { cases } = vectors(
    "bep23_24_http_announce",
    Schema.Struct({
      cases: Schema.Array(
        Schema.Struct({
          hex: Schema.Uint8ArrayFromHex,
          expect: Schema.Struct({ peers: Schema.optionalKey(Schema.Array(Schema.String)) }),
        }),
      ),
    }),
  );
  const compact = cases.flatMap(({ hex, expect }) => {
    const peers = Dictionary.bytes(read(hex), "peers");
    return peers === undefined || expect.peers === undefined ? [] : [{ peers, expected: expect.peers }];
  });

  it("hold for recorded announces (BEP 23)", () => {
    assert.strictEqual(compact.length, 2);
    for (const { peers, expected } of compact) {
      assert.deepStrictEqual(decodePeers(peers).map(NetAddress.formatInet), expected);
      assert.deepStrictEqual(encodePeers(decodePeers(peers).filter(NetAddress.isInetAddressV4)), peers);
    }
  });
});
