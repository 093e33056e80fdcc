import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { NetAddress } from "effect/net";
import type { Contact } from "../../../src/schema/compactNodes.ts";
import { commonPrefix, compareDistance, inBucket } from "../../../src/schema/nodeId.ts";
import { defaultDhtSettings } from "../../../src/schema/settings.ts";
import { makeTable } from "../../../src/services/Dht/table.ts";
import { inet } from "../../support/dht.ts";

const own = new Uint8Array(20);
const { badAfter, bucketSize, goodFor } = defaultDhtSettings;
const makeOwn = () => makeTable(own, defaultDhtSettings, 0);

/** A node that shares so many bits with us, on a network of its own. */
const node = (prefix: number, n: number, port = 6881): Contact => {
  const random = new Uint8Array(20).fill(n);
  return { id: inBucket(own, prefix, random), address: inet(`20.${prefix}.${n}.1:${port}`) };
};
const ports = (contacts: ReadonlyArray<Contact>): ReadonlyArray<string> =>
  contacts.map(({ address }) => NetAddress.formatInet(address));

describe("table", () => {
  it("keeps eight nodes of the far half of the space, and the near ones beside them", () => {
    const table = makeOwn();
    for (let n = 1; n <= 20; n++) table.answered(node(0, n), n);
    assert.strictEqual(table.size(), bucketSize);
    for (let n = 1; n <= 8; n++) table.answered(node(5, n), 100 + n);
    assert.strictEqual(table.size(), 2 * bucketSize);
    assert.isFalse(table.hasRoomFor(node(0, 30)));
    assert.isTrue(table.hasRoomFor(node(9, 1)));
    assert.isTrue(table.hasRoomFor(node(3, 1)));
  });

  it("never takes itself in", () => {
    const table = makeOwn();
    table.answered({ id: own, address: inet("20.1.1.1:1") }, 1);
    assert.strictEqual(table.size(), 0);
  });

  it("puts the latest newcomer into the place of a node that went silent", () => {
    const table = makeOwn();
    for (let n = 1; n <= 12; n++) table.answered(node(0, n), n);
    const silent = node(0, 3).address;
    for (let i = 1; i < badAfter; i++) table.silent(silent);
    assert.include(ports(table.all()), NetAddress.formatInet(silent));
    table.silent(silent);
    const now = ports(table.all());
    assert.strictEqual(now.length, bucketSize);
    assert.notInclude(now, NetAddress.formatInet(silent));
    assert.include(now, NetAddress.formatInet(node(0, 12).address));
  });

  it("forgives a node that answers again", () => {
    const table = makeOwn();
    table.answered(node(0, 1), 1);
    for (let i = 0; i < badAfter; i++) table.silent(node(0, 1).address);
    assert.strictEqual(table.size(), 0);
    assert.deepStrictEqual(table.closest(own, 8), []);
    table.answered(node(0, 1), 2);
    assert.strictEqual(table.size(), 1);
  });

  it("takes one node of an address, and of a neighbourhood one in each bucket", () => {
    const table = makeOwn();
    table.answered(node(0, 1), 1);
    table.answered({ ...node(1, 1), address: inet("20.0.1.1:7000") }, 2);
    assert.deepStrictEqual(ports(table.all()), ["20.0.1.1:6881"]);
    // gone, it makes room for what is at the other port
    table.silent(inet("20.0.1.1:6881"));
    table.answered({ ...node(1, 1), address: inet("20.0.1.1:7000") }, 3);
    assert.deepStrictEqual(ports(table.all()), ["20.0.1.1:7000"]);
    // the same node under a new id
    table.answered({ ...node(2, 9), address: inet("20.0.1.1:7000") }, 4);
    assert.strictEqual(commonPrefix(own, table.all()[0]?.id ?? own), 2);
    for (let n = 1; n <= 5; n++) table.answered({ ...node(0, n), address: inet(`30.1.1.${n}:6881`) }, 5);
    assert.strictEqual(table.size(), 2);
  });

  it("takes many ports of one local address", () => {
    const table = makeOwn();
    for (let n = 1; n <= 5; n++) table.answered({ ...node(0, n), address: inet(`127.0.0.1:${n}`) }, n);
    assert.strictEqual(table.size(), 5);
  });

  it("names those that may be gone, the longest unheard first", () => {
    const table = makeOwn();
    for (let n = 1; n <= 4; n++) table.answered(node(0, n), n);
    table.asked(node(0, 1), goodFor);
    assert.deepStrictEqual(
      table.questionable(goodFor + 2.5, 8).map(({ address }) => address.port),
      [6881],
    );
    assert.deepStrictEqual(ports(table.questionable(goodFor + 2.5, 8)), ["20.0.2.1:6881"]);
    assert.deepStrictEqual(ports(table.questionable(goodFor + 10, 2)), ["20.0.2.1:6881", "20.0.3.1:6881"]);
  });

  it("names each bucket in which nothing happened once", () => {
    const table = makeOwn();
    for (let n = 1; n <= 10; n++) table.answered(node(0, n), 1);
    table.answered(node(3, 1), 5);
    assert.isUndefined(table.takeStale(goodFor));
    assert.strictEqual(table.takeStale(goodFor + 1), 0);
    assert.isUndefined(table.takeStale(goodFor + 1));
    assert.strictEqual(table.takeStale(goodFor + 5), 1);
  });

  it("keeps nodes of the last run on probation", () => {
    const table = makeOwn();
    table.restore(node(0, 1));
    table.restore(node(0, 2));
    assert.strictEqual(table.size(), 0);
    assert.strictEqual(table.closest(own, 8).length, 2);
    table.answered(node(0, 1), 1);
    table.silent(node(0, 2).address);
    assert.strictEqual(table.size(), 1);
    assert.deepStrictEqual(ports(table.all()), ["20.0.1.1:6881"]);
    for (let n = 2; n <= 8; n++) table.restore(node(0, n));
    table.answered(node(1, 1), 2);
    // those who answer now take their places
    for (let n = 11; n <= 16; n++) table.answered(node(0, n), n);
    assert.strictEqual(table.size(), 8);
  });

  it.prop(
    "gives the nearest nodes there are, nearest first",
    [
      Schema.Uint8Array.pipe(Schema.check(Schema.isMinLength(20), Schema.isMaxLength(20))),
      Schema.Array(Schema.Uint8Array.pipe(Schema.check(Schema.isMinLength(20), Schema.isMaxLength(20)))),
    ],
    ([target, ids]) => {
      const table = makeOwn();
      ids.forEach((id, i) => table.answered({ id, address: inet(`${20 + (i >> 8)}.${i & 255}.1.1:1`) }, i));
      const all = table.all().toSorted((a, b) => compareDistance(target, a.id, b.id));
      assert.deepStrictEqual(table.closest(target, 8), all.slice(0, 8));
    },
  );
});
