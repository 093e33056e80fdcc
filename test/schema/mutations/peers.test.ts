/** What peers and nodes of the DHT say, changed. */
import { assert, describe, it } from "@effect/vitest";
import { Result } from "effect";
import { NetAddress } from "effect/net";
import { BLOOM_LENGTH } from "../../../src/schema/bloom.ts";
import { decodeTable, encodeTable } from "../../../src/schema/dhtTable.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../../src/schema/extension.ts";
import { decodeKrpc, encodeKrpc } from "../../../src/schema/krpc.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS } from "../../../src/schema/lsd.ts";
import { decodeHead, encodeOffer, HEAD_LENGTH, publicKey, sharedSecret, VC_LENGTH } from "../../../src/schema/mse.ts";
import { decodeUtHolepunch, encodeUtHolepunch } from "../../../src/schema/utHolepunch.ts";
import { decodeUtMetadata, encodeUtMetadata } from "../../../src/schema/utMetadata.ts";
import { decodeUtPex, encodeUtPex } from "../../../src/schema/utPex.ts";
import { decodeUtp, encodeUtp, makeUtpPacket, UtpType } from "../../../src/schema/utp.ts";
import { encode, pieceHeader } from "../../../src/schema/wire.ts";
import { makeChance, mutate } from "../../support/mutations.ts";
import { concat, decodeAll } from "../../support/wire.ts";
import { bearMutations, type Parser } from "../../support/mutations.ts";

/** What a peer asks hashes of: two nodes and one that proves them. */
const range = { root: new Uint8Array(32).fill(9), base: 1, index: 4, length: 2, proofLayers: 1 };

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const at = NetAddress.inetAddressFromStringUnsafe;
const id = ascii("abcdefghij0123456789");
const v4 = at("1.2.3.4:5");
const v6 = at("[2001:db8::1]:6881");

/** A failure that is the parser's own; anything else is thrown, by it or by this. */
const own = <A>(result: Result.Result<A, { readonly _tag: string }>, tag: string): A | undefined => {
  if (Result.isSuccess(result)) return result.success;
  assert.strictEqual(result.failure._tag, tag);
  return undefined;
};

const parsers: ReadonlyArray<Parser> = [
  [
    "KRPC",
    [
      encodeKrpc({ _tag: "Query", transaction: ascii("aa"), id, query: { _tag: "Ping" }, readOnly: true }),
      encodeKrpc({
        _tag: "Query",
        transaction: ascii("aa"),
        id,
        query: { _tag: "AnnouncePeer", infoHash: id, port: 6881, token: ascii("token"), seed: true },
        readOnly: false,
      }),
      encodeKrpc({
        _tag: "Query",
        transaction: ascii("aa"),
        id,
        query: { _tag: "GetPeers", infoHash: id, want: ["IPv4", "IPv6"], noSeed: true, scrape: true },
        readOnly: false,
      }),
      encodeKrpc({
        _tag: "Answer",
        transaction: ascii("aa"),
        seenAs: v6,
        answer: {
          id,
          nodes: [
            { id, address: v4 },
            { id, address: v6 },
          ],
          peers: [v4, v6],
          token: ascii("token"),
          seedFilter: new Uint8Array(BLOOM_LENGTH).fill(1),
          peerFilter: new Uint8Array(BLOOM_LENGTH).fill(2),
        },
      }),
      encodeKrpc({ _tag: "Error", transaction: ascii("aa"), code: 203, text: "bad token" }),
    ],
    (bytes) => own(decodeKrpc(bytes), "KrpcError"),
  ],
  [
    "a saved DHT table",
    [
      encodeTable(
        new Map([
          ["IPv4", { id, nodes: [{ id, address: v4 }] }],
          ["IPv6", { id, nodes: [{ id, address: v6 }] }],
        ]),
      ),
    ],
    decodeTable,
  ],
  [
    "uTP",
    [UtpType.Data, UtpType.Fin, UtpType.State, UtpType.Reset, UtpType.Syn].map((type) =>
      concat([
        encodeUtp(
          { type, connectionId: 7, timestamp: 1, timestampDifference: 2, window: 3, seq: 0xffff, ack: 0 },
          type === UtpType.State ? Uint8Array.of(1, 2, 3, 4) : undefined,
        ),
        ascii("payload"),
      ]),
    ),
    (bytes) => {
      const packet = makeUtpPacket();
      if (!decodeUtp(bytes, packet)) return undefined;
      assert.isAtMost(packet.payloadAt, bytes.length);
      assert.isAtMost(packet.maskAt + packet.maskLength, bytes.length);
      return packet;
    },
  ],
  [
    "PEX",
    [
      encodeUtPex({
        added: [
          { address: v4, flags: 0x1f },
          { address: v6, flags: 0 },
        ],
        dropped: [v4, v6],
      }),
    ],
    (bytes) => own(decodeUtPex(bytes), "BadExtension"),
  ],
  [
    "LSD",
    LSD_GROUPS.map((group) => encodeLsd(group, { port: 6881, infoHashes: ["ab".repeat(20)], cookie: "c" })),
    decodeLsd,
  ],
  [
    "holepunch",
    [
      encodeUtHolepunch({ _tag: "Rendezvous", address: v4 }),
      encodeUtHolepunch({ _tag: "Connect", address: v6 }),
      encodeUtHolepunch({ _tag: "Error", address: v4, error: "NoSelf" }),
    ],
    (bytes) => own(decodeUtHolepunch(bytes), "BadExtension"),
  ],
  [
    "metadata",
    [
      encodeUtMetadata({ _tag: "Request", piece: 1 }),
      encodeUtMetadata({ _tag: "Data", piece: 0, totalSize: 9, data: ascii("d1:ai0ee-") }),
    ],
    (bytes) => own(decodeUtMetadata(bytes), "BadExtension"),
  ],
  [
    "the extension handshake",
    [
      encodeExtensionHandshake({
        messages: new Map([
          ["ut_pex", 1],
          ["lt_donthave", 7],
        ]),
        port: 6881,
        client: "x",
        reqq: 500,
        metadataSize: 1_000,
        uploadOnly: true,
      }),
    ],
    (bytes) => own(decodeExtensionHandshake(bytes), "BadExtension"),
  ],
  [
    "messages of peers",
    [
      concat([
        encode({ _tag: "Bitfield", bits: Uint8Array.of(1, 2) }),
        encode({ _tag: "Extended", id: 7, payload: Uint8Array.of(0, 0, 0, 5) }),
        encode({ _tag: "Request", index: 1, begin: 2, length: 3 }),
        pieceHeader(2, 0, 4),
        ascii("data"),
        encode({ _tag: "Have", index: 1 }),
      ]),
      concat([
        encode({ _tag: "HashRequest", range }),
        encode({ _tag: "Hashes", range, hashes: new Uint8Array(3 * 32).fill(7) }),
        encode({ _tag: "HashReject", range }),
      ]),
    ],
    (bytes) => {
      const { messages, violation } = decodeAll([bytes]);
      return [messages, violation?._tag];
    },
  ],
  [
    "MSE",
    [encodeOffer(["plain", "rc4"], ascii("pad"), ascii("initial")).subarray(VC_LENGTH)],
    (bytes) => {
      // exactly so many are read
      const head = new Uint8Array(HEAD_LENGTH);
      head.set(bytes.subarray(0, HEAD_LENGTH));
      return own(decodeHead(head), "BadEncryption");
    },
  ],
];

describe("a parser of changed messages", () => {
  bearMutations(parsers);

  it("of a key of MSE gives a secret or its error", () => {
    const chance = makeChance(1);
    const keys = [publicKey(Uint8Array.of(7)), publicKey(Uint8Array.of(9, 9))];
    for (let n = 0; n < 300; n++) {
      const key = new Uint8Array(96);
      key.set(mutate(keys, chance).subarray(0, 96));
      own(sharedSecret(Uint8Array.of(3), key), "BadEncryption");
    }
  });
});
