import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { rc4Room } from "../../../src/schema/rc4.ts";
import { makePlainRc4 } from "../../../src/schema/rc4/plain.ts";
import type { Rc4 } from "../../../src/schema/rc4/schedule.ts";
import { makeWasmRc4 } from "../../../src/schema/rc4/wasm.ts";
import { pattern } from "../../services/Transport/pair.ts";

const wasm = (key: Uint8Array): Rc4 => {
  const rc4 = makeWasmRc4(key);
  if (rc4 === undefined) throw new Error("this Node has no WebAssembly");
  return rc4;
};

/** So many bytes of the key stream. */
const keyStream = (rc4: Rc4, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  rc4.apply(bytes, bytes);
  return bytes;
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Key, offset and 16 bytes of the key stream there, from RFC 6229, section 2. */
const published: ReadonlyArray<readonly [key: string, at: number, bytes: string]> = [
  ["0102030405", 0, "b2396305f03dc027ccc3524a0a1118a8"],
  ["0102030405", 16, "6982944f18fc82d589c403a47a0d0919"],
  ["0102030405", 4096, "ff25b58995996707e51fbdf08b34d875"],
  ["0102030405060708090a0b0c0d0e0f10", 0, "9ac7cc9a609d1ef7b2932899cde41b97"],
  ["0102030405060708090a0b0c0d0e0f10", 4096, "a36a4c301ae8ac13610ccbc12256cacc"],
];

/** Lengths about the bounds of a run of the module, and shorter than the state. */
const lengths = [0, 1, 255, 16_383, 16_384, 16_385, 50_000];

for (const [name, make] of [
  ["in plain JavaScript", makePlainRc4],
  ["as WebAssembly", wasm],
] as const)
  describe(`RC4 ${name}`, () => {
    for (const [key, at, bytes] of published)
      it(`has the published key stream of ${key} at ${at}`, () => {
        assert.strictEqual(hex(keyStream(make(Buffer.from(key, "hex")), at + 16).subarray(at)), bytes);
      });

    it("takes up where it left off", () => {
      const whole = keyStream(
        make(Uint8Array.of(7)),
        lengths.reduce((sum, length) => sum + length),
      );
      const rc4 = make(Uint8Array.of(7));
      assert.isTrue(Buffer.concat(lengths.map((length) => keyStream(rc4, length))).equals(whole));
    });

    it("keeps streams apart that are used in turn", () => {
      const [a, b] = [make(Uint8Array.of(1)), make(Uint8Array.of(2))];
      const turns = [1, 2, 3].map(() => [hex(keyStream(a, 10)), hex(keyStream(b, 10))] as const);
      assert.strictEqual(turns.map(([of]) => of).join(""), hex(keyStream(make(Uint8Array.of(1)), 30)));
      assert.strictEqual(turns.map(([, of]) => of).join(""), hex(keyStream(make(Uint8Array.of(2)), 30)));
    });

    it("leaves what it reads from alone when it writes elsewhere", () => {
      const from = pattern(300);
      const to = new Uint8Array(310);
      make(Uint8Array.of(9)).apply(from, to);
      assert.deepStrictEqual(from, pattern(300));
      assert.isTrue(to.subarray(300).every((byte) => byte === 0));
      make(Uint8Array.of(9)).apply(to.subarray(0, 300), to);
      assert.deepStrictEqual(to.slice(0, 300), from);
    });
  });

describe("RC4", () => {
  it.prop(
    "is the same both ways",
    {
      key: Schema.Uint8Array.pipe(Schema.check(Schema.isMinLength(1), Schema.isMaxLength(40))),
      length: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 70_000 }))),
    },
    ({ key, length }) => {
      assert.isTrue(Buffer.from(keyStream(wasm(key), length)).equals(keyStream(makePlainRc4(key), length)));
    },
  );

  it.prop(
    "is the same in a room that was lent, and touches nothing else of it",
    {
      from: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 100 }))),
      length: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 69_900 }))),
    },
    ({ from, length }) => {
      const room = rc4Room(70_000);
      assert.strictEqual(room.length, 70_000);
      room.set(pattern(room.length));
      const expected = pattern(room.length);
      const part = expected.subarray(from, from + length);
      makePlainRc4(Uint8Array.of(3)).apply(part, part);
      const rc4 = wasm(Uint8Array.of(3));
      // In two goes, with one elsewhere between them that moves another stream on.
      const half = Math.floor(length / 2);
      const apply = (bytes: Uint8Array): void => rc4.apply(bytes, bytes);
      apply(room.subarray(from, from + half));
      keyStream(wasm(Uint8Array.of(4)), 20_000);
      apply(room.subarray(from + half, from + length));
      assert.isTrue(Buffer.from(room).equals(expected));
    },
  );
});
