import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { NetAddress } from "effect/net";
import { peerPriority } from "../../src/schema/peerPriority.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

/** An address, with or without a port. */
const at = (text: string): NetAddress.InetAddress =>
  /^\d+(\.\d+){3}:\d+$/.test(text)
    ? NetAddress.inetAddressFromStringUnsafe(text)
    : NetAddress.inetAddressUnsafe(NetAddress.ipFromStringUnsafe(text), 6881);

const Port = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })));
const Octets = Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })))).pipe(
  Schema.check(Schema.isMinLength(4), Schema.isMaxLength(4)),
);
const inet = (octets: ReadonlyArray<number>, port: number) =>
  NetAddress.inetAddressUnsafe(NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(octets)), port);

describe("peerPriority", () => {
  it("is that of BEP 40's examples", () => {
    assert.strictEqual(peerPriority(at("123.213.32.10"), at("98.76.54.32")), 0xec2d7224);
    assert.strictEqual(peerPriority(at("123.213.32.10"), at("123.213.32.234")), 0x99568189);
  });

  it.prop("is the same from both ends", { a: Octets, b: Octets, one: Port, other: Port }, ({ a, b, one, other }) => {
    const [left, right] = [inet(a, one), inet(b, other)];
    assert.strictEqual(peerPriority(left, right), peerPriority(right, left));
  });

  it.prop(
    "does not depend on the port between two machines",
    { a: Octets, b: Octets, port: Port },
    ({ a, b, port }) => {
      if (a.every((octet, index) => octet === b[index])) return;
      assert.strictEqual(peerPriority(inet(a, 1), inet(b, 1)), peerPriority(inet(a, port), inet(b, port)));
    },
  );

  it("takes an IPv4 address in IPv6 for what it is, and there is none between families", () => {
    assert.strictEqual(peerPriority(at("::ffff:123.213.32.10"), at("98.76.54.32")), 0xec2d7224);
    assert.strictEqual(peerPriority(at("2001:db8::1"), at("98.76.54.32")), 0);
  });
});

describeFixtures("the published vectors of BEP 40", () => {
  const Case = Schema.Struct({ a: Schema.String, b: Schema.String, priority: Schema.String });
  const { cases } = vectors("bep40_peer_priority", Schema.Struct({ cases: Schema.NonEmptyArray(Case) }));
  for (const { a, b, priority } of cases) {
    it(`give ${priority} for ${a} and ${b}`, () => {
      assert.strictEqual(peerPriority(at(a), at(b)).toString(16).padStart(8, "0"), priority);
    });
  }
});
