import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import * as Bitfield from "../../src/schema/bitfield.ts";

const Index = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 99 })));

describe("bitfield", () => {
  it("has the first index in the highest bit (BEP 3)", () => {
    const bits = Bitfield.make(10);
    Bitfield.set(bits, 0);
    Bitfield.set(bits, 9);
    assert.deepStrictEqual([...bits], [0x80, 0x40]);
  });

  it("is full without spare bits", () => {
    assert.deepStrictEqual([...Bitfield.full(10)], [0xff, 0xc0]);
    assert.deepStrictEqual([...Bitfield.full(8)], [0xff]);
    assert.deepStrictEqual([...Bitfield.full(0)], []);
  });

  it("knows whether bytes are a bitfield of a torrent", () => {
    assert.isTrue(Bitfield.fits(Uint8Array.of(0xff, 0xc0), 10));
    assert.isFalse(Bitfield.fits(Uint8Array.of(0xff, 0xe0), 10));
    assert.isFalse(Bitfield.fits(Uint8Array.of(0xff), 10));
    assert.isFalse(Bitfield.fits(Uint8Array.of(0xff, 0xc0, 0), 10));
    assert.isTrue(Bitfield.fits(new Uint8Array(), 0));
  });

  it("has nothing outside itself", () => {
    assert.isFalse(Bitfield.has(Bitfield.full(8), 8));
    assert.isFalse(Bitfield.has(Bitfield.full(8), 1_000_000));
  });

  it.prop("agrees with a set of numbers", [Schema.Array(Index), Schema.Array(Index)], ([added, removed]) => {
    const bits = Bitfield.make(100);
    const model = new Set(added);
    for (const index of added) Bitfield.set(bits, index);
    for (const index of removed) {
      Bitfield.unset(bits, index);
      model.delete(index);
    }
    assert.strictEqual(Bitfield.count(bits), model.size);
    for (let index = 0; index < 100; index++) assert.strictEqual(Bitfield.has(bits, index), model.has(index));
    assert.isTrue(Bitfield.fits(bits, 100));
  });

  it.prop("combines sets as sets of numbers do", [Schema.Array(Index), Schema.Array(Index)], ([left, right]) => {
    const setOf = (indices: Iterable<number>): Uint8Array => {
      const bits = Bitfield.make(100);
      for (const index of indices) Bitfield.set(bits, index);
      return bits;
    };
    const [a, b] = [new Set(left), new Set(right)];
    const both = left.filter((index) => b.has(index));
    const rest = left.filter((index) => !b.has(index));
    assert.deepStrictEqual(Bitfield.union(setOf(a), setOf(b)), setOf([...left, ...right]));
    assert.deepStrictEqual(Bitfield.intersection(setOf(a), setOf(b)), setOf(both));
    assert.deepStrictEqual(Bitfield.difference(setOf(a), setOf(b)), setOf(rest));
    assert.strictEqual(Bitfield.isSubset(setOf(a), setOf(b)), rest.length === 0);
    assert.isTrue(Bitfield.isSubset(setOf(both), setOf(b)));
  });

  it.prop(
    "counts what it is full of",
    [Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 500 })))],
    ([count]) => {
      const bits = Bitfield.full(count);
      assert.strictEqual(Bitfield.count(bits), count);
      assert.isTrue(Bitfield.fits(bits, count));
    },
  );
});
