import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { clientName, makePeerId, printable } from "../../src/schema/peerId.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const random = Uint8Array.from({ length: 12 }, (_, i) => 200 + i);
/** An id that begins with `prefix`. */
const id = (prefix: string): Uint8Array => {
  const bytes = new Uint8Array(20).fill(0xfe);
  bytes.set(new TextEncoder().encode(prefix));
  return bytes;
};

describe("peerId", () => {
  it("makes ours from the version and the random bytes", () => {
    const ours = makePeerId("0.1.0", random);
    assert.strictEqual(new TextDecoder().decode(ours.subarray(0, 8)), "-BE0100-");
    assert.deepStrictEqual(ours.subarray(8), random);
  });

  it("keeps to 20 bytes whatever the version", () => {
    const prefix = (version: string) => new TextDecoder().decode(makePeerId(version, random).subarray(0, 8));
    assert.strictEqual(prefix("1.12.35-rc.1"), "-BE1CZ0-");
    assert.strictEqual(prefix("2.0.4711"), "-BE20Z0-");
    assert.strictEqual(prefix("next"), "-BE0000-");
    assert.strictEqual(makePeerId("1.2.3", new Uint8Array(40)).length, 20);
  });

  it("names ourselves", () => {
    assert.strictEqual(clientName(makePeerId("1.12.0", random)), "bt-effect 1.12.0");
  });

  it("names clients that BEP 20 does not list", () => {
    assert.strictEqual(clientName(id("-qB4630-")), "qBittorrent 4.6.3");
    assert.strictEqual(clientName(id("-TR2940-")), "Transmission 2.94");
    assert.strictEqual(clientName(id("-UT355S-")), "uTorrent 3.5.5");
    assert.strictEqual(clientName(id("-KT5110-")), "KTorrent 5.1.1");
    assert.strictEqual(clientName(id("-ZZ1234-")), "ZZ 1.2.3.4");
  });

  it("calls what has no known form unknown", () => {
    for (const prefix of ["", "-TR40", "-TR4000x", "-T\x1b4000-", "hello world", "M4-3-", "XBT05"]) {
      assert.strictEqual(clientName(id(prefix)), "unknown", prefix);
    }
    assert.strictEqual(clientName(new Uint8Array()), "unknown");
  });

  it.prop("names any bytes with printable ASCII", [Schema.Uint8Array, Schema.String], ([bytes, text]) => {
    for (const peerId of [bytes, new TextEncoder().encode(`-${text}`), new TextEncoder().encode(`-AZ${text}`)]) {
      assert.match(clientName(peerId), /^[ -~]{1,64}$/);
    }
  });

  it("cleans a client's own name of what would disturb a terminal", () => {
    assert.strictEqual(printable("µTorrent 1.2"), "µTorrent 1.2");
    assert.strictEqual(printable("\u001b[31mred\u0007\r\n\u202egpj.exe \u009b"), "[31mredgpj.exe");
    assert.strictEqual(printable("𝕏".repeat(100)), "𝕏".repeat(64));
  });

  it.prop("cleans any text", [Schema.String], ([text]) => {
    const clean = printable(text);
    assert.notMatch(clean, /\p{C}/u);
    assert.isAtMost(Array.from(clean).length, 64);
    assert.strictEqual(printable(clean), clean);
  });
});

describeFixtures("peerId vectors", () => {
  const { cases } = vectors(
    "bep20_peer_id",
    Schema.Struct({ cases: Schema.Array(Schema.Struct({ peerIdPrefix: Schema.String, client: Schema.String })) }),
  );
  for (const { peerIdPrefix, client } of cases) {
    it(`hold for ${peerIdPrefix}`, () => {
      // BEP 20 leaves open whether Azureus's trailing zero is said.
      assert.strictEqual(clientName(id(peerIdPrefix)), client.replace("(.0)", ""));
    });
  }
});
