import { assert, describe, it } from "@effect/vitest";
import { makeRejects } from "../../src/streams/rejects.ts";

const block = { index: 7, begin: 0, length: 16_384 };

/** Rejects of a peer of whom `waiting` other requests wait, and what it is found to lack. */
const make = (options: { readonly agreed?: boolean; readonly waiting?: number } = {}) => {
  const lacking: Array<number> = [];
  const rejects = makeRejects({ agreed: options.agreed ?? true, lacks: (index) => lacking.push(index) });
  const requests = { rejected: () => true, waiting: () => options.waiting ?? 0 };
  return { lacking, reject: (choking = false) => rejects.received(block, requests, choking), rejects };
};

describe("rejects", () => {
  it("are a breach where none were agreed on", () => {
    assert.deepStrictEqual(make({ agreed: false }).reject(), { _tag: "FastViolation", message: "reject" });
  });

  it("mean that a piece is lacking from the second on, when nothing else is asked for and no block came in between", () => {
    const { lacking, reject, rejects } = make();
    assert.isUndefined(reject());
    rejects.delivered();
    assert.isUndefined(reject());
    assert.deepStrictEqual(lacking, []);
    assert.isUndefined(reject());
    assert.deepStrictEqual(lacking, [7]);
  });

  it("mean no more than a full queue while the peer chokes us or has others to answer", () => {
    const choking = make();
    const busy = make({ waiting: 1 });
    for (let count = 0; count < 10; count++) {
      choking.reject(true);
      busy.reject();
    }
    assert.deepStrictEqual([...choking.lacking, ...busy.lacking], []);
  });

  it("end the conversation when there are thousands without a block", () => {
    const { reject } = make({ waiting: 1 });
    for (let count = 0; count < 2_000; count++) assert.isUndefined(reject());
    assert.deepStrictEqual(reject(), { _tag: "Flood", message: "reject" });
  });
});
