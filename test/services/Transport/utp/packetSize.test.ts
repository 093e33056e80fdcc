import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import * as MemoryNetwork from "../../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { driven } from "../driven.ts";
import { connect, pattern } from "../pair.ts";
import { hostOf } from "./worlds.ts";

describe("packets of uTP", () => {
  for (const [one, other, largest] of [
    ["10.0.0.1", "10.0.0.2", 1_372],
    ["fd00::1", "fd00::2", 1_352],
  ] as const)
    it.effect(`have ${largest} bytes at the most from ${one}`, () =>
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.make({ latency: "10 millis" });
        const lengths: Array<number> = [];
        const from = yield* hostOf(network, one, (below) => ({
          ...below,
          sendUnsafe: (to, bytes) => {
            lengths.push(bytes.length);
            below.sendUnsafe(to, bytes);
          },
        }));
        const to = yield* hostOf(network, other);
        const { dialled, accepted } = yield* connect({
          dialler: from.utp,
          listener: to.utp,
          at: () => to.address,
        });
        const sent = pattern(60_000);
        yield* Effect.forkScoped(dialled.send([sent]));
        assert.deepStrictEqual(yield* accepted.read(sent.length), sent);
        assert.strictEqual(Math.max(...lengths), largest);
      }).pipe(Effect.scoped, driven),
    );
});
