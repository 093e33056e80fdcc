import { assert, describe, it } from "@effect/vitest";
import { makeAllowances } from "../../src/streams/allowances.ts";

describe("allowances", () => {
  it("are the pieces that the peer named, those too that it named before the metadata was known", () => {
    const allowances = makeAllowances();
    assert.isUndefined(allowances.allow(9));
    assert.isUndefined(allowances.pieces());
    assert.isUndefined(allowances.attach(10));
    assert.isUndefined(allowances.allow(0));
    assert.deepStrictEqual(allowances.pieces(), Uint8Array.of(0x80, 0x40));
  });

  it("end the conversation where they are outside the torrent, whenever they were named", () => {
    const outside = (index: number) => ({ _tag: "OutOfRange" as const, message: "allowed fast", index });
    const early = makeAllowances();
    early.allow(3);
    early.allow(10);
    assert.deepStrictEqual(early.attach(10), outside(10));
    const late = makeAllowances();
    late.attach(10);
    assert.deepStrictEqual(late.allow(0xffff_ffff), outside(0xffff_ffff));
    assert.isUndefined(late.pieces());
  });

  it("are bounded while the metadata is not known", () => {
    const allowances = makeAllowances();
    for (let index = 0; index < 1_000; index++) allowances.allow(index);
    assert.isUndefined(allowances.attach(1_000));
    assert.strictEqual(allowances.pieces()?.filter((byte) => byte !== 0).length, 8);
  });
});
