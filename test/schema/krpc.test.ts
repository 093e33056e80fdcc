import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import { encode as encodeBencode } from "../../src/schema/bencode.ts";
import { BLOOM_LENGTH } from "../../src/schema/bloom.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import type { Contact } from "../../src/schema/compactNodes.ts";
import { decodeKrpc, encodeKrpc, type Krpc, MAX_PACKET_LENGTH } from "../../src/schema/krpc.ts";
import { inet } from "../support/dht.ts";
import { describeFixtures, fixture, vectors } from "../support/fixtures.ts";

const bytes = (text: string): Uint8Array => Dictionary.fromText(text);
const id = bytes("abcdefghij0123456789");
const other = bytes("mnopqrstuvwxyz123456");
const transaction = bytes("aa");
const contact = (text: string): Contact => ({ id: other, address: inet(text) });
const decoded = (packet: Uint8Array): Krpc => Result.getOrThrow(decodeKrpc(packet));
const reasonOf = (packet: Uint8Array): string => {
  const result = decodeKrpc(packet);
  return Result.isFailure(result) ? result.failure.reason._tag : "none";
};
/** A query as a dictionary, with what a test wants otherwise. */
const query = (
  method: string,
  args: Parameters<typeof Dictionary.make>[0],
  rest: Parameters<typeof Dictionary.make>[0] = {},
) =>
  encodeBencode(
    Dictionary.make({ t: transaction, y: bytes("q"), q: bytes(method), a: Dictionary.make({ id, ...args }), ...rest }),
  );

const messages: ReadonlyArray<Krpc> = [
  { _tag: "Query", transaction, id, query: { _tag: "Ping" }, readOnly: true },
  {
    _tag: "Query",
    transaction,
    id,
    query: { _tag: "FindNode", target: other, want: ["IPv4", "IPv6"] },
    readOnly: false,
  },
  {
    _tag: "Query",
    transaction,
    id,
    query: { _tag: "GetPeers", infoHash: other, want: [], noSeed: true, scrape: true },
    readOnly: false,
  },
  {
    _tag: "Query",
    transaction,
    id,
    query: { _tag: "AnnouncePeer", infoHash: other, port: 6881, token: bytes("token"), seed: true },
    readOnly: false,
  },
  {
    _tag: "Query",
    transaction,
    id,
    query: { _tag: "AnnouncePeer", infoHash: other, port: undefined, token: bytes("token"), seed: false },
    readOnly: false,
  },
  {
    _tag: "Answer",
    transaction,
    seenAs: inet("[2001:db8::7]:1234"),
    answer: {
      id,
      nodes: [contact("1.2.3.4:5"), contact("5.6.7.8:9"), contact("[2001:db8::1]:6881")],
      peers: [inet("9.9.9.9:99"), inet("[2001:db8::2]:1")],
      token: bytes("tok"),
      seedFilter: new Uint8Array(BLOOM_LENGTH).fill(1),
      peerFilter: new Uint8Array(BLOOM_LENGTH).fill(2),
    },
  },
  { _tag: "Error", transaction, code: 203, text: "bad token" },
];

describe("krpc", () => {
  it("reads what it writes", () => {
    for (const message of messages) assert.deepStrictEqual(decoded(encodeKrpc(message, bytes("BE01"))), message);
  });

  it("hands out nothing that changes with the packet", () => {
    const message = messages.find(({ _tag }) => _tag === "Answer");
    if (message === undefined) return assert.fail("no answer");
    const packet = encodeKrpc(message);
    const before = decoded(packet.slice());
    const read = decoded(packet);
    packet.fill(0);
    assert.deepStrictEqual(read, before);
  });

  it("ignores keys that it does not know, wherever they stand", () => {
    const packet = query("ping", { more: [1, Dictionary.make({ a: 1 })] }, { zz: 7, v: bytes("LT12") });
    assert.deepStrictEqual(decoded(packet), {
      _tag: "Query",
      transaction,
      id,
      query: { _tag: "Ping" },
      readOnly: false,
    });
  });

  it("takes an unknown query that names a point as one for nodes, and another as unknown", () => {
    const message = decoded(query("sample_infohashes", { target: other }));
    assert.deepStrictEqual(message._tag === "Query" ? message.query : undefined, {
      _tag: "FindNode",
      target: other,
      want: [],
    });
    assert.strictEqual(reasonOf(query("vote", { x: 1 })), "UnknownQuery");
  });

  it("refuses queries without what they need, and keeps the transaction for the answer", () => {
    const bad = [
      query("find_node", {}),
      query("find_node", { target: bytes("short") }),
      query("get_peers", { info_hash: 1 }),
      query("announce_peer", { info_hash: other, port: 1 }),
      query("announce_peer", { info_hash: other, token: bytes("t"), port: 0 }),
      query("announce_peer", { info_hash: other, token: bytes("t"), port: 65_536 }),
      query("announce_peer", { info_hash: other, token: new Uint8Array(4_000), port: 1 }),
      encodeBencode(Dictionary.make({ t: transaction, y: bytes("q"), q: bytes("ping") })),
    ];
    for (const packet of bad) {
      const result = decodeKrpc(packet);
      assert.isTrue(Result.isFailure(result));
      if (!Result.isFailure(result) || result.failure.reason._tag !== "BadQuery") return assert.fail("not a bad query");
      assert.deepStrictEqual(result.failure.reason.transaction, transaction);
    }
  });

  it("refuses what is no message at all", () => {
    const cases: ReadonlyArray<readonly [Uint8Array, string]> = [
      [bytes("i1e"), "NotKrpc"],
      [bytes("de"), "NotKrpc"],
      [bytes("d1:t2:aa1:y1:xe"), "NotKrpc"],
      [bytes("d1:rde1:t2:aa1:y1:re"), "NotKrpc"],
      [encodeBencode(Dictionary.make({ t: new Uint8Array(33), y: bytes("q") })), "NotKrpc"],
      [bytes("d1:t"), "NotBencoded"],
      [new Uint8Array(MAX_PACKET_LENGTH + 1).fill(0x64), "NotBencoded"],
      [new Uint8Array(1_000).fill(0x6c), "NotBencoded"],
    ];
    for (const [packet, reason] of cases) assert.strictEqual(reasonOf(packet), reason);
  });

  it("leaves out nodes and peers of a length that does not fit, and bounds their number", () => {
    const answer = (fields: Parameters<typeof Dictionary.make>[0]) =>
      decoded(encodeBencode(Dictionary.make({ t: transaction, y: bytes("r"), r: Dictionary.make({ id, ...fields }) })));
    const read = answer({ nodes: new Uint8Array(27), nodes6: new Uint8Array(38 * 60), values: [new Uint8Array(7), 1] });
    assert.strictEqual(read._tag === "Answer" ? read.answer.nodes.length : -1, 32);
    assert.deepStrictEqual(read._tag === "Answer" ? read.answer.peers : undefined, []);
  });

  it.prop("never throws, whatever arrives", [Schema.Uint8Array], ([packet]) => {
    assert.isDefined(decodeKrpc(packet));
  });

  it.prop(
    "never throws on a message with some bytes changed",
    [Schema.Int, Schema.Int, Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })))],
    ([which, where, byte]) => {
      const message = messages[Math.abs(which) % messages.length];
      if (message === undefined) return assert.fail("no message");
      const packet = encodeKrpc(message);
      packet[Math.abs(where) % packet.length] = byte;
      assert.isDefined(decodeKrpc(packet));
    },
  );
});

describeFixtures("krpc, published", () => {
  const { decodedPeers, packets } = vectors(
    "bep05_krpc",
    Schema.Struct({
      packets: Schema.Array(Schema.Struct({ name: Schema.String, ascii: Schema.String })),
      decodedPeers: Schema.Array(Schema.Struct({ ip: Schema.String, port: Schema.Int })),
    }),
  );

  it("reads the packets of BEP 5, and writes them again", () => {
    for (const { ascii, name } of packets) {
      const message = decoded(bytes(ascii));
      // the nodes of the BEP are placeholders; what we add of our own is not in them
      if (/nodes$|find_node response|announce_peer query/.test(name)) continue;
      assert.deepStrictEqual(new TextDecoder().decode(encodeKrpc(message)), ascii, name);
    }
  });

  it("reads its peers", () => {
    const packet = packets.find(({ name }) => name === "get_peers response with peers")?.ascii ?? "";
    const message = decoded(bytes(packet));
    assert.deepStrictEqual(
      message._tag === "Answer" ? message.answer.peers.map(NetAddress.formatInet) : [],
      decodedPeers.map(({ ip, port }) => `${ip}:${port}`),
    );
  });

  it("reads recorded packets of other clients", () => {
    const nodesOf = (file: string): number => {
      const message = decoded(fixture(`recorded/${file}`));
      return message._tag === "Answer" ? message.answer.nodes.length : -1;
    };
    assert.strictEqual(nodesOf("dht-find_node_response_1.bin"), 8);
    assert.strictEqual(nodesOf("dht-find_node_response_2.bin"), 16);
    const kindOf = (file: string): string => {
      const message = decoded(fixture(`recorded/${file}`));
      return message._tag === "Query" ? message.query._tag : message._tag;
    };
    assert.strictEqual(kindOf("dht-find_node_request.bin"), "FindNode");
    assert.strictEqual(kindOf("dht-get_peers_request_0.bin"), "GetPeers");
    assert.strictEqual(kindOf("dht-get_peers_request_1.bin"), "GetPeers");
  });
});
