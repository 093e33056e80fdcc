import { assert, describe, it } from "@effect/vitest";
import { makeBuffers } from "../../src/streams/buffers.ts";

const takeAll = (buffers: ReturnType<typeof makeBuffers>, count: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, () => buffers.take()).filter((buffer) => buffer !== undefined);

describe("buffers", () => {
  it("gives out no more than its capacity, and one again that came back", () => {
    const buffers = makeBuffers(16, 8);
    const out = takeAll(buffers, 9);
    assert.strictEqual(out.length, 8);
    const [first = new Uint8Array(0)] = out;
    buffers.give(first);
    assert.strictEqual(buffers.used(), 7);
    assert.strictEqual(buffers.take(), first);
    buffers.forget();
    const another = buffers.take();
    assert.isTrue(another !== undefined && !out.includes(another));
  });

  it("keeps no more of those that come back than it is told to", () => {
    const buffers = makeBuffers(16, 8, 2);
    const out = takeAll(buffers, 8);
    for (const buffer of out) buffers.give(buffer);
    assert.strictEqual(takeAll(buffers, 8).filter((buffer) => out.includes(buffer)).length, 2);
  });
});
