import { assert, describe, it } from "@effect/vitest";
import { makeLiveness } from "../../src/streams/liveness.ts";

const settings = { idleTimeout: 100, uselessTimeout: 50, keepAlive: 20 };

describe("liveness", () => {
  it("ends what is silent, and says for how long it was", () => {
    const liveness = makeLiveness(settings, 1_000);
    liveness.heard(1_010);
    liveness.ofUse(1_111);
    assert.isUndefined(liveness.end(1_110));
    assert.deepStrictEqual(liveness.end(1_111), { _tag: "Idle", afterMillis: 101 });
  });

  it("ends what neither side has any use for, however much it talks", () => {
    const liveness = makeLiveness(settings, 1_000);
    liveness.heard(1_051);
    assert.isUndefined(liveness.end(1_050));
    assert.deepStrictEqual(liveness.end(1_051), { _tag: "Useless" });
    liveness.ofUse(1_051);
    assert.isUndefined(liveness.end(1_051));
  });

  it("is quiet when we said nothing for long, whatever the peer said", () => {
    const liveness = makeLiveness(settings, 1_000);
    liveness.heard(1_021);
    assert.isFalse(liveness.isQuiet(1_020));
    assert.isTrue(liveness.isQuiet(1_021));
    liveness.said(1_021);
    assert.isFalse(liveness.isQuiet(1_041));
  });
});
