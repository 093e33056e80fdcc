import { assert, describe, it } from "@effect/vitest";
import { isTooNear, lookupBeyond, reachOf, type Reach } from "../../../src/services/http/nearness.ts";

const looked = (least: Reach, name: string) =>
  new Promise<{ readonly cause: unknown; readonly address: unknown }>((resolve) => {
    lookupBeyond(least)(name, { family: 4 }, (cause, address) => resolve({ cause, address }));
  });

describe("nearness", () => {
  it("knows how far addresses reach, and nothing of names", () => {
    const reaches: ReadonlyArray<readonly [host: string, reach: Reach | undefined]> = [
      ["127.9.9.9", 0],
      ["0.0.0.0", 0],
      ["::", 0],
      ["::1", 0],
      ["::ffff:127.0.0.1", 0],
      ["fe80::1%eth0", 1],
      ["169.254.169.254", 1],
      ["10.0.0.1", 2],
      ["::ffff:192.168.1.1", 2],
      ["100.64.0.1", 2],
      ["fd00::1", 2],
      ["8.8.8.8", 3],
      ["2001:db8::1", 3],
      ["localhost", undefined],
      ["", undefined],
    ];
    for (const [host, reach] of reaches) assert.strictEqual(reachOf(host), reach, host);
  });

  it("looks up names that are far enough, and fails for others", async () => {
    assert.deepStrictEqual(await looked(0, "localhost"), { cause: null, address: "127.0.0.1" });
    assert.isTrue(isTooNear((await looked(1, "localhost")).cause));
    assert.isFalse(isTooNear((await looked(1, "nobody.invalid")).cause));
  });
});
