import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { changeTracker } from "../../src/streams/seclusion.ts";

describe("a private torrent whose tracker is changed (BEP 27)", () => {
  it.effect("parts from the peers of the former tracker, but not from those whom the new one names too", () =>
    Effect.sync(() => {
      const parted: Array<string> = [];
      const member = (address: string) => ({ address, part: () => void parted.push(address) });
      // Only what `changeTracker` looks at.
      const swarm = { members: new Set(["10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"].map(member)) } as never;
      const forgotten: Array<string> = [];
      changeTracker(
        swarm,
        {
          forget: (source) => {
            forgotten.push(source);
            return ["10.0.0.1:1", "10.0.0.2:2"];
          },
        },
        new Set(["10.0.0.2:2"]),
      );
      assert.deepStrictEqual(forgotten, ["tracker"]);
      assert.deepStrictEqual(parted, ["10.0.0.1:1"]);
    }),
  );
});
