import { assert, describe, it } from "@effect/vitest";
import { Effect, Option, Stream } from "effect";
import { infoHashOf } from "../../support/dht.ts";
import { makeLiveDht, makeLiveNode } from "../../support/liveDht.ts";

describe("the live Dht", () => {
  for (const host of ["127.0.0.1", "::1"])
    it.live(`finds a peer among 20 nodes on ${host}`, () =>
      Effect.gen(function* () {
        const { announce, router } = yield* makeLiveDht(host);
        yield* announce(infoHashOf(1), { port: 7_000, seed: true });
        const last = yield* makeLiveNode(host, router);
        const peer = yield* Stream.runHead(last.peers(infoHashOf(1)));
        assert.deepStrictEqual(
          Option.map(peer, ({ port }) => port),
          Option.some(7_000),
        );
      }),
    );
});
