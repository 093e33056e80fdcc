import { assert, describe, it } from "@effect/vitest";
import * as Pace from "../../../src/services/Storage/filesPace.ts";

describe("the pace of calls on files", () => {
  /** A clock that stands, and calls that take some of its time. */
  const bench = () => {
    let time = 1000;
    const pace = Pace.make(() => time);
    const pass = (millis: number): void => void (time += millis);
    return { pace, pass, take: (millis: number) => pace.run(() => pass(millis)) };
  };

  it("makes calls at once as long as none takes long", () => {
    const { pace, take } = bench();
    for (let call = 0; call < 1000; call++) {
      assert.isTrue(pace.isQuick());
      take(0.1);
    }
    assert.isTrue(pace.isQuick());
  });

  it("leaves calls to the pool after one that took long, for twenty times as long", () => {
    const { pace, pass, take } = bench();
    take(30);
    assert.isFalse(pace.isQuick());
    pass(599);
    assert.isFalse(pace.isQuick());
    pass(1);
    assert.isTrue(pace.isQuick());
  });

  it("counts the time of a call that fails, and passes its error on", () => {
    const { pace, pass } = bench();
    const failing = (): never => {
      pass(5);
      throw new Error("no space");
    };
    assert.throws(() => pace.run(failing), "no space");
    assert.isFalse(pace.isQuick());
  });
});
