import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { NetAddress } from "effect/net";
import type { Contact } from "../../../src/schema/compactNodes.ts";
import type { Answer } from "../../../src/schema/krpc.ts";
import { compareDistance } from "../../../src/schema/nodeId.ts";
import { defaultDhtSettings } from "../../../src/schema/settings.ts";
import { lookup, type LookupOptions } from "../../../src/services/Dht/lookup.ts";
import type { Handlers } from "../../../src/services/Dht/rpc.ts";
import { inet } from "../../support/dht.ts";

const target = new Uint8Array(20);
/** A node at distance `n` (from 1), on an address of its own. */
const node = (n: number): Contact => ({
  id: Uint8Array.from({ length: 20 }, (_, i) => (i === 18 ? n >> 8 : i === 19 ? n & 255 : 0)),
  address: inet(`20.0.${n >> 8}.${n & 255}:6881`),
});
const distanceOf = ({ id }: Contact): number => ((id[18] ?? 0) << 8) | (id[19] ?? 0);

/** A lookup whose queries the test answers itself. */
const makeLookup = (options: Partial<LookupOptions> = {}) =>
  Effect.gen(function* () {
    const open = new Map<string, Handlers>();
    const asked: Array<string> = [];
    let forgotten = 0;
    const fiber = yield* Effect.forkChild(
      lookup({
        rpc: {
          ask: (to, _query, handlers) => {
            const name = NetAddress.formatInet(to);
            asked.push(name);
            open.set(name, handlers);
            return () => {
              forgotten++;
              open.delete(name);
            };
          },
        },
        settings: defaultDhtSettings,
        family: "IPv4",
        own: new Uint8Array(20).fill(255),
        target,
        query: { _tag: "FindNode", target, want: [] },
        nodes: [],
        addresses: [],
        ...options,
      }),
      { startImmediately: true },
    );
    const take = (contact: Contact): Handlers | undefined => {
      const name = NetAddress.formatInet(contact.address);
      const handlers = open.get(name);
      open.delete(name);
      return handlers;
    };
    return {
      fiber,
      asked,
      open,
      forgotten: () => forgotten,
      answer: (contact: Contact, answer: Partial<Answer> = {}) =>
        take(contact)?.answered({ id: contact.id, nodes: [], peers: [], ...answer }),
      fail: (contact: Contact) => take(contact)?.failed(),
      slow: (contact: Contact) => open.get(NetAddress.formatInet(contact.address))?.slow?.(),
    };
  });

describe("lookup", () => {
  it.effect("asks the nearest first, a few at a time, until the eight nearest have answered", () =>
    Effect.gen(function* () {
      const run = yield* makeLookup({ nodes: [node(40), node(30), node(20), node(10), node(50)] });
      assert.deepStrictEqual(run.asked.length, defaultDhtSettings.parallel);
      assert.notInclude(run.asked, NetAddress.formatInet(node(50).address));
      run.answer(node(10), { nodes: Array.from({ length: 9 }, (_, i) => node(i + 1)) });
      for (let n = 1; n <= 9; n++) {
        run.answer(node(n), { token: Uint8Array.of(n) });
        for (const far of [20, 30, 40]) run.answer(node(far));
      }
      const { answered, asked, closest } = yield* Fiber.join(run.fiber);
      assert.deepStrictEqual(closest.map(distanceOf), [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.deepStrictEqual(
        closest.map(({ token }) => token?.[0]),
        [1, 2, 3, 4, 5, 6, 7, 8],
      );
      assert.isAtLeast(answered, 8);
      assert.isAtMost(asked, 14);
    }),
  );

  it.effect("goes on where others are slow, and takes their answers still", () =>
    Effect.gen(function* () {
      const run = yield* makeLookup({ nodes: [1, 2, 3, 4, 5, 6].map(node) });
      for (const n of [1, 2, 3, 4]) run.slow(node(n));
      assert.strictEqual(run.asked.length, 6);
      run.answer(node(5));
      run.answer(node(6));
      run.answer(node(2));
      run.fail(node(1));
      run.fail(node(3));
      run.fail(node(4));
      const { answered, closest } = yield* Fiber.join(run.fiber);
      assert.strictEqual(answered, 3);
      assert.deepStrictEqual(closest.map(distanceOf), [2, 5, 6]);
    }),
  );

  it.effect("begins at addresses, and at nobody it ends at once", () =>
    Effect.gen(function* () {
      const alone = yield* makeLookup();
      assert.deepStrictEqual(yield* Fiber.join(alone.fiber), { closest: [], asked: 0, answered: 0 });
      const run = yield* makeLookup({ addresses: [node(7).address, inet("[2001:db8::1]:1"), inet("20.9.9.9:0")] });
      assert.strictEqual(run.asked.length, 1);
      run.answer(node(7));
      assert.deepStrictEqual((yield* Fiber.join(run.fiber)).closest.map(distanceOf), [7]);
    }),
  );

  it.effect("is not led into local networks from outside", () =>
    Effect.gen(function* () {
      const lan = { id: node(3).id, address: inet("192.168.1.1:53") };
      const peers = [inet("127.0.0.1:80"), inet("9.9.9.9:1")];
      for (const [from, led] of [
        [node(7), false],
        [{ ...node(7), address: inet("10.0.0.1:1") }, true],
      ] as const) {
        const heard: Array<string> = [];
        const run = yield* makeLookup({
          nodes: [from],
          heard: (answer) => void heard.push(...answer.peers.map(NetAddress.formatInet)),
        });
        run.answer(from, { nodes: [lan], peers });
        assert.strictEqual(run.open.has("192.168.1.1:53"), led);
        assert.deepStrictEqual(heard, led ? peers.map(NetAddress.formatInet) : ["9.9.9.9:1"]);
        yield* Fiber.interrupt(run.fiber);
      }
    }),
  );

  it.effect("does not count a node that answers under another id", () =>
    Effect.gen(function* () {
      const run = yield* makeLookup({ nodes: [node(1), node(2)] });
      run.answer(node(1), { id: new Uint8Array(20).fill(9) });
      run.answer(node(2));
      assert.deepStrictEqual((yield* Fiber.join(run.fiber)).closest.map(distanceOf), [2]);
    }),
  );

  it.effect("ends though every answer names ever nearer nodes, and never asks one address twice", () =>
    Effect.gen(function* () {
      const run = yield* makeLookup({ nodes: [node(60_000)] });
      let next = 59_999;
      while (run.open.size > 0) {
        const [name = ""] = run.open.keys();
        const [, , third = "0", fourth = "0"] = name.split(":")[0]?.split(".") ?? [];
        const n = Number(third) * 256 + Number(fourth);
        const nearer = Array.from({ length: 16 }, () => node(Math.max(1, next--)));
        run.answer(node(n), { nodes: [...nearer, node(n)] });
      }
      const { asked } = yield* Fiber.join(run.fiber);
      assert.isAtMost(asked, defaultDhtSettings.maxLookupQueries);
      assert.strictEqual(new Set(run.asked).size, run.asked.length);
    }),
  );

  it.effect("forgets its queries when it is interrupted", () =>
    Effect.gen(function* () {
      const run = yield* makeLookup({ nodes: [node(1), node(2)] });
      yield* Fiber.interrupt(run.fiber);
      assert.strictEqual(run.forgotten(), 2);
      assert.strictEqual(compareDistance(target, target, target), 0);
    }),
  );
});
