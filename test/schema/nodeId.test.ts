import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import {
  commonPrefix,
  compareDistance,
  fitsAddress,
  inBucket,
  isLocal,
  makeNodeId,
  NODE_ID_LENGTH,
} from "../../src/schema/nodeId.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const Id = Schema.Uint8Array.pipe(Schema.check(Schema.isMinLength(NODE_ID_LENGTH), Schema.isMaxLength(NODE_ID_LENGTH)));
const Octets = Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })))).pipe(
  Schema.check(Schema.isMinLength(16), Schema.isMaxLength(16)),
);
const Bit = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 159 })));
const ip = NetAddress.ipFromStringUnsafe;

describe("nodeId", () => {
  it.prop("orders by the XOR of ids as numbers", [Id, Id, Id], ([target, a, b]) => {
    const number = (id: Uint8Array): bigint => BigInt(`0x${Hex.encode(id)}`);
    const [toA, toB] = [number(a) ^ number(target), number(b) ^ number(target)];
    assert.strictEqual(Math.sign(compareDistance(target, a, b)), toA < toB ? -1 : toA > toB ? 1 : 0);
  });

  it.prop("makes ids that share exactly so many bits with another", [Id, Bit, Id], ([id, bits, random]) => {
    assert.strictEqual(commonPrefix(id, inBucket(id, bits, random)), bits);
  });

  it.prop("makes ids that fit the address, and others of another one", [Octets, Id], ([octets, random]) => {
    const v4 = NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(octets.slice(0, 4)));
    const v6 = NetAddress.ipv6FromBytesUnsafe(Uint8Array.from(octets));
    for (const address of [v4, v6]) {
      const id = makeNodeId(address, random);
      assert.isTrue(fitsAddress(id, address));
      assert.deepStrictEqual(id.subarray(3, 19), random.subarray(3, 19));
      const other = id.slice();
      other[0] = (other[0] ?? 0) ^ 0x80;
      assert.isFalse(fitsAddress(other, address));
    }
  });

  it("asks nothing of local addresses", () => {
    const local = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "::1", "fe80::1", "fd00::1"];
    for (const text of local) assert.isTrue(isLocal(ip(text)), text);
    for (const text of ["8.8.8.8", "172.32.0.1", "2001:db8::1"]) assert.isFalse(isLocal(ip(text)), text);
  });
});

describeFixtures("nodeId, published (BEP 42)", () => {
  const { cases } = vectors(
    "bep42_node_id",
    Schema.Struct({
      cases: Schema.Array(Schema.Struct({ ip: Schema.String, rand: Schema.Int, nodeId: Schema.String })),
    }),
  );
  for (const { ip: text, nodeId, rand } of cases)
    it(`fits ${text} with ${rand}`, () => {
      const id = Result.getOrThrow(Hex.decode(nodeId));
      assert.isTrue(fitsAddress(id, ip(text)));
      assert.isFalse(fitsAddress(id, ip("1.2.3.4")));
      // made of the same chance it is the same id
      assert.deepStrictEqual(makeNodeId(ip(text), id), id);
    });
});
