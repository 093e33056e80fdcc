import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import { decodeUtHolepunch, encodeUtHolepunch, type HolepunchMessage } from "../../src/schema/utHolepunch.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const at = NetAddress.inetAddressFromStringUnsafe;
const Byte = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })));
const messages: ReadonlyArray<HolepunchMessage> = [
  { _tag: "Rendezvous", address: at("10.0.0.1:6881") },
  { _tag: "Connect", address: at("[2001:db8::1]:6881") },
  { _tag: "Error", address: at("10.0.0.1:65535"), error: "NoSelf" },
  { _tag: "Error", address: at("10.0.0.1:1"), error: undefined },
];

describe("utHolepunch", () => {
  for (const message of messages)
    it(`gives back ${message._tag} about ${String(message.address)}`, () => {
      assert.deepStrictEqual(
        decodeUtHolepunch(encodeUtHolepunch(message)),
        Result.succeed(Option.some<HolepunchMessage>(message)),
      );
    });

  it("takes messages that leave the error code out", () => {
    for (const message of messages.slice(0, 2))
      assert.deepStrictEqual(
        decodeUtHolepunch(encodeUtHolepunch(message).slice(0, -4)),
        Result.succeed(Option.some<HolepunchMessage>(message)),
      );
  });

  it("ignores types that it does not know, and refuses other lengths and kinds of address", () => {
    const bytes = encodeUtHolepunch({ _tag: "Connect", address: at("10.0.0.1:6881") });
    const changed = (index: number, value: number) => bytes.map((byte, at) => (at === index ? value : byte));
    assert.deepStrictEqual(decodeUtHolepunch(changed(0, 9)), Result.succeedNone);
    for (const wrong of [changed(1, 2), changed(1, 1), bytes.slice(1), bytes.slice(0, -1), new Uint8Array(0)])
      assert.isTrue(Result.isFailure(decodeUtHolepunch(wrong)));
  });

  it.prop("bears arbitrary bytes", [Schema.Array(Byte)], ([bytes]) => {
    const decoded = decodeUtHolepunch(Uint8Array.from(bytes));
    if (Result.isFailure(decoded)) assert.strictEqual(decoded.failure._tag, "BadExtension");
  });
});

describeFixtures("utHolepunch by the published vectors", () => {
  const { cases } = vectors(
    "bep55_holepunch",
    Schema.Struct({ cases: Schema.Array(Schema.Struct({ name: Schema.String, payload: Schema.String })) }),
  );
  const expected: Readonly<Record<string, HolepunchMessage>> = {
    "rendezvous to 10.0.0.1:6881": { _tag: "Rendezvous", address: at("10.0.0.1:6881") },
    "connect to [2001:db8::1]:6881": { _tag: "Connect", address: at("[2001:db8::1]:6881") },
    "error NotConnected for 10.0.0.1:6881": { _tag: "Error", address: at("10.0.0.1:6881"), error: "NotConnected" },
  };
  for (const { name, payload } of cases)
    it(`reads and writes ${name}`, () => {
      const message = expected[name];
      assert.isDefined(message);
      if (message === undefined) return;
      assert.deepStrictEqual(
        decodeUtHolepunch(Buffer.from(payload, "hex")),
        Result.succeed(Option.some<HolepunchMessage>(message)),
      );
      assert.strictEqual(Buffer.from(encodeUtHolepunch(message)).toString("hex"), payload);
    });
});
