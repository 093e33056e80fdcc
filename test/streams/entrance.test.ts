import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { NetAddress } from "effect/net";
import { makeEntrance } from "../../src/streams/entrance.ts";

const ip = NetAddress.ipFromStringUnsafe;

describe("entrance", () => {
  it.effect("is the port that the router passes on, as long as it does", () =>
    Effect.gen(function* () {
      const entrance = makeEntrance(6881, () => {});
      assert.strictEqual(entrance.port(), 6881);
      const waiting = yield* Effect.forkChild(entrance.otherThan(6881), { startImmediately: true });
      entrance.granted({ external: 6881 });
      yield* Effect.yieldNow;
      assert.isUndefined(waiting.pollUnsafe());
      entrance.granted({ external: 40_000 });
      yield* Fiber.join(waiting);
      assert.strictEqual(entrance.port(), 40_000);
      yield* entrance.otherThan(6881);
      entrance.granted({ external: 0 });
      assert.strictEqual(entrance.port(), 6881);
      entrance.granted({ external: 40_000 });
      entrance.granted(undefined);
      assert.strictEqual(entrance.port(), 6881);
    }),
  );

  it("is none where we do not listen", () => {
    const entrance = makeEntrance(undefined, () => {});
    entrance.granted({ external: 40_000 });
    assert.isUndefined(entrance.port());
  });

  it("tells once of each address that a router has in the world, and of none that is not", () => {
    const seen: Array<string> = [];
    const entrance = makeEntrance(6881, (address) => void seen.push(NetAddress.formatIp(address)));
    for (const address of ["203.0.113.9", "203.0.113.9", "192.168.1.1", "100.64.0.1", "198.51.100.7"])
      entrance.granted({ external: 1, address: ip(address) });
    entrance.granted({ external: 1 });
    assert.deepStrictEqual(seen, ["203.0.113.9", "198.51.100.7"]);
  });
});
