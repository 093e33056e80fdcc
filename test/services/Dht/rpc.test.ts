/** Conversations of one node with hosts that say what the test wants. */
import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Result, Scope } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { decodeKrpc, encodeKrpc, type Krpc, type Query } from "../../../src/schema/krpc.ts";
import { defaultDhtSettings } from "../../../src/schema/settings.ts";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import { makeRpc } from "../../../src/services/Dht/rpc.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { DHT_PORT, inet } from "../../support/dht.ts";

const ours = new Uint8Array(20).fill(1);
const theirs = new Uint8Array(20).fill(2);
const ping: Query = { _tag: "Ping" };
const US = "20.0.0.1:6881";
const THEM = "20.0.0.2:6881";

/** A host that keeps what it gets and says what it is told to. */
const makeHost = (network: MemoryNetwork.MemoryNetwork, address: string, udpPort = DHT_PORT) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(network.host(address, { udpPort }));
    const datagrams = Context.get(context, Datagrams);
    const got: Array<Krpc> = [];
    yield* datagrams.receive((bytes) => {
      const message = decodeKrpc(bytes);
      if (Result.isSuccess(message)) got.push(message.success);
      return true;
    });
    return { got, send: (bytes: Uint8Array) => datagrams.send(inet(US), bytes) };
  });

const makeOwn = (network: MemoryNetwork.MemoryNetwork, readOnly = false) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(network.host("20.0.0.1", { udpPort: DHT_PORT }));
    const asked: Array<Query> = [];
    const told: Array<string> = [];
    const rpc = yield* makeRpc({
      family: "IPv4",
      settings: defaultDhtSettings,
      id: () => ours,
      readOnly: () => readOnly,
      asked: ({ query }) => void asked.push(query),
      answered: (from) => void told.push(`answered ${NetAddress.formatInet(from)}`),
      silent: (to) => void told.push(`silent ${NetAddress.formatInet(to)}`),
    }).pipe(Effect.provideContext(context));
    return { rpc, asked, told };
  });

const answer = (transaction: Uint8Array, id = theirs): Uint8Array =>
  encodeKrpc({ _tag: "Answer", transaction, answer: { id, nodes: [], peers: [] } });

describe("rpc", () => {
  it.effect("gives the answer to the query it belongs to, whatever else arrives", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { rpc, told } = yield* makeOwn(network);
      const them = yield* makeHost(network, "20.0.0.2");
      const stranger = yield* makeHost(network, "20.0.0.3");
      const fiber = yield* Effect.forkChild(rpc.query(inet(THEM), ping));
      yield* TestClock.adjust("10 millis");
      const [query] = them.got;
      assert.deepStrictEqual(query?.transaction.length, 2);
      if (query === undefined) return assert.fail("no query");
      yield* stranger.send(answer(query.transaction));
      yield* them.send(answer(Uint8Array.from(query.transaction, (byte) => byte ^ 1)));
      yield* them.send(answer(Uint8Array.of(...query.transaction, 0)));
      yield* them.send(new TextEncoder().encode("d1:y1:r1:t2:aae"));
      yield* TestClock.adjust("10 millis");
      assert.deepStrictEqual(told, []);
      yield* them.send(answer(query.transaction));
      yield* them.send(answer(query.transaction));
      yield* TestClock.adjust("10 millis");
      assert.deepStrictEqual((yield* Fiber.join(fiber)).id, theirs);
      assert.deepStrictEqual(told, [`answered ${THEM}`]);
    }),
  );

  it.effect("tells when a query is slow and when it is given up", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { rpc, told } = yield* makeOwn(network);
      const events: Array<string> = [];
      rpc.ask(inet(THEM), ping, {
        answered: () => events.push("answered"),
        slow: () => events.push("slow"),
        failed: () => events.push("failed"),
      });
      yield* TestClock.adjust("1400 millis");
      assert.deepStrictEqual(events, []);
      yield* TestClock.adjust("200 millis");
      assert.deepStrictEqual(events, ["slow"]);
      yield* TestClock.adjust("8 seconds");
      assert.deepStrictEqual(events, ["slow"]);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(events, ["slow", "failed"]);
      assert.deepStrictEqual(told, [`silent ${THEM}`]);
    }),
  );

  it.effect("tells in time of one that is asked while another is overdue", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { rpc } = yield* makeOwn(network);
      const slow: Array<string> = [];
      const ask = (name: string) =>
        rpc.ask(inet(THEM), ping, { answered: () => {}, slow: () => slow.push(name), failed: () => {} });
      ask("first");
      yield* TestClock.adjust("2 seconds");
      ask("second");
      yield* TestClock.adjust("1400 millis");
      assert.deepStrictEqual(slow, ["first"]);
      yield* TestClock.adjust("200 millis");
      assert.deepStrictEqual(slow, ["first", "second"]);
    }),
  );

  it.effect("takes a late answer, an error as a failure, and forgets what is no longer wanted", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { rpc, told } = yield* makeOwn(network);
      const them = yield* makeHost(network, "20.0.0.2");
      const late = yield* Effect.forkChild(rpc.query(inet(THEM), ping));
      const failing = yield* Effect.forkChild(Effect.flip(rpc.query(inet(THEM), ping)));
      const forgotten = yield* Effect.forkChild(rpc.query(inet(THEM), ping));
      yield* TestClock.adjust("5 seconds");
      yield* Fiber.interrupt(forgotten);
      const [first, second, third] = them.got.map(({ transaction }) => transaction);
      if (first === undefined || second === undefined || third === undefined) return assert.fail("no queries");
      yield* them.send(answer(first));
      yield* them.send(encodeKrpc({ _tag: "Error", transaction: second, code: 201, text: "no" }));
      yield* them.send(answer(third));
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual((yield* Fiber.join(late)).id, theirs);
      assert.strictEqual(yield* Fiber.join(failing), "unanswered");
      assert.deepStrictEqual(told, [`answered ${THEM}`]);
    }),
  );

  it.effect("fails at once where a packet cannot be sent", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { rpc } = yield* makeOwn(network);
      const fiber = yield* Effect.forkChild(Effect.flip(rpc.query(inet("[2001:db8::1]:1"), ping)));
      yield* TestClock.adjust("1 millis");
      assert.strictEqual(yield* Fiber.join(fiber), "unanswered");
    }),
  );

  it.effect("answers bad queries with an error, unless it answers nobody", () =>
    Effect.gen(function* () {
      for (const readOnly of [false, true]) {
        const scope = yield* Scope.make();
        yield* Effect.gen(function* () {
          const network = yield* MemoryNetwork.make({ latency: "1 millis" });
          yield* makeOwn(network, readOnly);
          const them = yield* makeHost(network, "20.0.0.2");
          yield* them.send(new TextEncoder().encode("d1:ade1:q4:ping1:t2:aa1:y1:qe"));
          yield* them.send(new TextEncoder().encode("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:bb1:y1:qe"));
          yield* TestClock.adjust("10 millis");
          const codes = them.got.map((message) => (message._tag === "Error" ? message.code : 0));
          assert.deepStrictEqual(codes, readOnly ? [] : [203, 204]);
        }).pipe(Scope.provide(scope));
      }
    }),
  );

  it.effect("leaves packets of other protocols to others, and hears nobody who floods or is nowhere", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { asked } = yield* makeOwn(network);
      const them = yield* makeHost(network, "20.0.0.2");
      yield* them.send(Uint8Array.of(0x21, 0, 0, 0));
      const nowhere = yield* makeHost(network, "20.0.0.3", 0);
      yield* nowhere.send(
        encodeKrpc({ _tag: "Query", transaction: Uint8Array.of(0, 1), id: theirs, query: ping, readOnly: false }),
      );
      yield* TestClock.adjust("10 millis");
      assert.deepStrictEqual(asked, []);
      for (let i = 0; i < 200; i++)
        yield* them.send(
          encodeKrpc({ _tag: "Query", transaction: Uint8Array.of(0, i), id: theirs, query: ping, readOnly: false }),
        );
      yield* TestClock.adjust("10 millis");
      assert.strictEqual(asked.length, defaultDhtSettings.sourceLimit);
    }),
  );
});
