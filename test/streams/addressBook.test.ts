import { assert, describe, it } from "@effect/vitest";
import { NetAddress } from "effect/net";
import { type AddressBook, makeAddressBook, type Source } from "../../src/streams/addressBook.ts";

const at = NetAddress.inetAddressFromStringUnsafe;
const SECOND = 1_000;

/** A book of 10.0.0.x, waiting 15 s after the first failure, giving up after 4. */
const book = (maxCandidates = 100) => {
  const it: AddressBook = makeAddressBook({ maxCandidates, reconnectDelay: 15 * SECOND, reconnectTries: 4 });
  return {
    ...it,
    name: (source: Source, host: number, now = 0) => it.add({ address: at(`10.0.0.${host}:1`), source }, now),
    lost: (host: number, outcome: "useful" | "failed", now = 0) =>
      it.disconnected(at(`10.0.0.${host}:1`), outcome, now),
    /** The hosts that are due, in the order they are handed out. */
    due: (now = 0) => {
      const hosts: Array<number> = [];
      for (let next = it.take(now, () => false); next !== undefined; next = it.take(now, () => false))
        hosts.push(Number(NetAddress.formatHost(next.address).split(".")[3]));
      return hosts;
    },
  };
};

describe("the address book", () => {
  it("hands out the user's first, and untried ones before those to be tried again", () => {
    const { name, lost, due } = book();
    name("tracker", 1);
    name("peer", 4);
    assert.deepStrictEqual(due(), [4, 1]);
    lost(1, "failed");
    lost(4, "failed");
    name("tracker", 2, 20 * SECOND);
    name("dht", 3, 20 * SECOND);
    name("peer", 3, 20 * SECOND);
    assert.deepStrictEqual(due(20 * SECOND), [3, 4, 2, 1]);
  });

  it("says who named an address, the user before anybody else", () => {
    const { add, take } = book();
    add({ address: at("10.0.0.1:1"), source: "dht" }, 0);
    add({ address: at("10.0.0.1:1"), source: "tracker" }, 0);
    assert.strictEqual(take(0, () => false)?.source, "dht");
    add({ address: at("10.0.0.2:1"), source: "tracker" }, 0);
    add({ address: at("10.0.0.2:1"), source: "peer" }, 0);
    assert.strictEqual(take(0, () => false)?.source, "peer");
  });

  it("hands out those to be tried again in the order they are due", () => {
    const { name, lost, due, nextDue } = book();
    name("tracker", 1);
    name("tracker", 2);
    assert.deepStrictEqual(due(), [1, 2]);
    assert.strictEqual(nextDue(), Infinity);
    lost(2, "failed");
    lost(1, "failed", 5 * SECOND);
    assert.strictEqual(nextDue(), 15 * SECOND);
    assert.deepStrictEqual(due(14 * SECOND), []);
    assert.deepStrictEqual(due(60 * SECOND), [2, 1]);
  });

  it("does not hand out who connected to us, and forgets ports that only a connection came from", () => {
    const { name, lost, due, connected, disconnected, known } = book();
    connected(at("10.0.0.1:50000"));
    name("incoming", 1);
    connected(at("10.0.0.1:1"));
    assert.deepStrictEqual(due(), []);
    assert.strictEqual(known(), 2);
    disconnected(at("10.0.0.1:50000"), "useful", 0);
    lost(1, "useful");
    assert.strictEqual(known(), 1);
    assert.deepStrictEqual(due(15 * SECOND), [1]);
  });

  it("ignores the end of what was not under way", () => {
    const { name, lost, due, known } = book();
    name("tracker", 1);
    lost(1, "failed");
    lost(2, "failed");
    assert.strictEqual(known(), 1);
    assert.deepStrictEqual(due(), [1]);
  });

  it("keeps to its bound, dropping what failed before anything else", () => {
    const { name, lost, due, known } = book(3);
    for (const host of [1, 2, 3]) assert.isTrue(name("tracker", host));
    assert.isFalse(name("tracker", 4), "the others are as good");
    assert.deepStrictEqual(due(), [1, 2, 3]);
    assert.isFalse(name("peer", 4), "what is under way is not dropped");
    lost(1, "failed");
    lost(2, "useful");
    lost(3, "useful");
    assert.isTrue(name("tracker", 5));
    assert.isFalse(name("tracker", 6), "a useful peer is as good");
    assert.isTrue(name("peer", 7), "but the user's is better");
    assert.strictEqual(known(), 3);
    assert.deepStrictEqual(due(15 * SECOND), [7, 5, 3]);
  });

  it("drops what was given up before what may come back", () => {
    const { name, lost, due } = book(2);
    name("tracker", 1);
    name("tracker", 2);
    let now = 0;
    for (let failure = 0; failure < 4; failure++) {
      for (const host of due(now)) lost(host, host === 1 || failure < 3 ? "failed" : "useful", now);
      now += 120 * SECOND;
    }
    name("tracker", 3, now);
    assert.deepStrictEqual(due(now), [3, 2]);
  });

  it("never drops the user's addresses to make room", () => {
    const { name, lost, due } = book(1);
    name("peer", 1);
    due();
    lost(1, "failed");
    assert.isFalse(name("tracker", 2));
    assert.isFalse(name("peer", 3));
    assert.deepStrictEqual(due(15 * SECOND), [1]);
  });

  it("forgets what only one source named, once it is not connected", () => {
    const { name, lost, due, forget, connected, known } = book();
    name("tracker", 1);
    due();
    connected(at("10.0.0.1:1"));
    name("tracker", 2);
    name("tracker", 3);
    name("pex", 3);
    forget("tracker");
    assert.deepStrictEqual(due(), [3]);
    assert.strictEqual(known(), 2);
    lost(1, "useful");
    assert.strictEqual(known(), 1);
  });

  it("remembers a bounded number of own addresses", () => {
    const { add, ours } = book();
    for (let port = 1; port <= 1000; port++) ours(at(`10.0.0.1:${port}`));
    assert.isFalse(add({ address: at("10.0.0.1:1"), source: "tracker" }, 0));
    assert.isTrue(add({ address: at("10.0.0.1:1000"), source: "tracker" }, 0));
  });

  it("gives those that only a forgotten source named and that are connected, and does not want those that will be", () => {
    const { connected, due, forget, known, name } = book();
    for (const host of [1, 2, 3, 4]) name("pex", host);
    name("tracker", 2);
    assert.deepStrictEqual(due(), [1, 2, 3, 4]);
    assert.isTrue(connected(at("10.0.0.1:1")));
    assert.isTrue(connected(at("10.0.0.2:1")));
    assert.deepStrictEqual(forget("pex"), ["10.0.0.1:1"]);
    assert.deepStrictEqual(forget("pex"), []);
    assert.isFalse(connected(at("10.0.0.3:1")));
    assert.isTrue(connected(at("10.0.0.9:1")));
    assert.strictEqual(known(), 5);
  });

  it("keeps the last hint of a peer on another", () => {
    const { add, due, name, take } = book();
    const hint = (flags: number) => ({ flags, relay: at("10.0.0.9:1") });
    add({ address: at("10.0.0.1:1"), source: "pex", pex: hint(1) }, 0);
    add({ address: at("10.0.0.1:1"), source: "pex", pex: hint(8) }, 0);
    name("tracker", 1);
    assert.deepStrictEqual(take(0, () => false)?.pex, hint(8));
    assert.deepStrictEqual(due(), []);
  });
});
