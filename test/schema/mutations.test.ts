/**
 * Every parser of what strangers send, against changed messages: it gives a value or its own error, soon, and holds no more than it was given. That each
 * bears arbitrary bytes, too, stands in the tests of its own module.
 */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Result } from "effect";
import { NetAddress } from "effect/net";
import { BLOOM_LENGTH } from "../../src/schema/bloom.ts";
import { decodeTable, encodeTable } from "../../src/schema/dhtTable.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { parseIpFilter } from "../../src/schema/ipFilter.ts";
import { decodeKrpc, encodeKrpc } from "../../src/schema/krpc.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS } from "../../src/schema/lsd.ts";
import { decodeHead, encodeOffer, HEAD_LENGTH, publicKey, sharedSecret, VC_LENGTH } from "../../src/schema/mse.ts";
import { decodeNatPmp } from "../../src/schema/natPmp.ts";
import { decodePcp } from "../../src/schema/pcp.ts";
import { defaultGateway } from "../../src/schema/routes.ts";
import { negotiate } from "../../src/schema/socks5.ts";
import { decodeSearchAnswer } from "../../src/schema/ssdp.ts";
import { parseDescription, parseSoap } from "../../src/schema/upnp.ts";
import { decodeUtHolepunch, encodeUtHolepunch } from "../../src/schema/utHolepunch.ts";
import { decodeUtMetadata, encodeUtMetadata } from "../../src/schema/utMetadata.ts";
import { decodeUtPex, encodeUtPex } from "../../src/schema/utPex.ts";
import { decodeUtp, encodeUtp, makeUtpPacket, UtpType } from "../../src/schema/utp.ts";
import { parseContentRange, retryAfter } from "../../src/schema/webSeed.ts";
import { encode, pieceHeader } from "../../src/schema/wire.ts";
import { makeChance, mutate } from "../support/mutations.ts";
import { concat, decodeAll } from "../support/wire.ts";

/** What a peer asks hashes of: two nodes and one that proves them. */
const range = { root: new Uint8Array(32).fill(9), base: 1, index: 4, length: 2, proofLayers: 1 };

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));
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
const run = <A>(effect: Effect.Effect<A, { readonly _tag: string }>): A | undefined => {
  const exit = Effect.runSyncExit(effect);
  if (Exit.isSuccess(exit)) return exit.value;
  for (const reason of exit.cause.reasons) assert.strictEqual(reason._tag, "Fail");
  return undefined;
};

/** The numbers, characters and bytes that a value holds. */
const weigh = (value: unknown): number => {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (value instanceof URL) return value.href.length;
  if (value instanceof Map || value instanceof Set) return [...value].reduce((sum, one) => sum + weigh(one), 1);
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum, one) => sum + weigh(one), 1);
};

const soap = (body: string): Uint8Array => ascii(`<s:Envelope xmlns:s="x"><s:Body>${body}</s:Body></s:Envelope>`);
const service = (kind: string) =>
  `<service><serviceType>urn:schemas-upnp-org:service:${kind}</serviceType><controlURL>/ctl</controlURL></service>`;

/** What each reads, well-formed samples, and the reading. */
const parsers: ReadonlyArray<readonly [string, ReadonlyArray<Uint8Array>, (bytes: Uint8Array) => unknown]> = [
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
  [
    "SSDP",
    [ascii("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLOCATION: http://192.168.0.1:80/x.xml\r\n\r\n")],
    decodeSearchAnswer,
  ],
  [
    "XML of devices",
    [
      ascii(`<?xml version="1.0"?><root><URLBase>http://192.168.0.1/</URLBase><device><serviceList>
      ${service("WANIPConnection:1")}${service("WANPPPConnection:1")}</serviceList></device></root>`),
    ],
    (bytes) => run(parseDescription(text(bytes), new URL("http://192.168.0.1/x.xml"))),
  ],
  [
    "SOAP",
    [
      soap("<u:R><NewExternalIPAddress>1.2.3.4</NewExternalIPAddress></u:R>"),
      soap("<s:Fault><detail><errorCode>718</errorCode><errorDescription>x</errorDescription></detail></s:Fault>"),
    ],
    (bytes) => run(parseSoap(text(bytes))),
  ],
  [
    "PCP",
    [
      hex(
        `028100000000000e10000001${"00".repeat(12)}0102030405060708090a0b0c060000001ae11ae2${"00".repeat(10)}ffffcb007109`,
      ),
      hex(`0280000000000000000000090000${"00".repeat(10)}`),
    ],
    decodePcp,
  ],
  [
    "NAT-PMP",
    [hex("00800000000000010a000001"), hex("0081000000000001 1ae1 1ae2 00000e10".replaceAll(" ", ""))],
    decodeNatPmp,
  ],
  [
    "SOCKS5",
    [Uint8Array.of(5, 2, 1, 0, 5, 0, 0, 1, 9, 9, 9, 9, 1, 1), Uint8Array.of(5, 0, 5, 0, 0, 3, 2, 97, 98, 1, 1)],
    (bytes) => {
      const steps = negotiate(
        { host: "p", port: 1080, user: { name: "u", password: "p" } },
        { _tag: "Connect", to: { host: "h.test", port: 1 } },
      );
      let read = 0;
      let step = steps.next(new Uint8Array(0));
      while (step.done !== true) {
        const answer = new Uint8Array(step.value.read);
        answer.set(bytes.subarray(read, read + answer.length));
        read += answer.length;
        assert.isAtMost(read, 2 + 2 + 5 + 257);
        step = steps.next(answer);
      }
      return step.value ?? "open";
    },
  ],
  [
    "headers of web seeds",
    [ascii("bytes 0-99/1000"), ascii("120"), ascii("Wed, 21 Oct 2026 07:28:00 GMT")],
    (bytes) => {
      const wait = retryAfter(text(bytes), text(bytes), 0);
      assert.isTrue(wait >= 1 && Number.isFinite(wait));
      return [wait, parseContentRange(text(bytes))];
    },
  ],
  [
    "lists of ranges",
    [ascii("a:1.2.3.4-1.2.3.9\n10.0.0.0/8\n")],
    (bytes) => {
      const parsed = parseIpFilter(text(bytes));
      return Result.isSuccess(parsed) ? parsed.success.rules : parsed.failure;
    },
  ],
  [
    "the table of routes",
    [ascii("Iface Destination Gateway\neth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\n")],
    (bytes) => defaultGateway(text(bytes)),
  ],
];

/** Variants of each parser's samples, and the time that all of them may take together in milliseconds. */
const VARIANTS = 4_000;
const TIME = 5_000;

describe("a parser of changed messages", () => {
  for (const [name, samples, read] of parsers)
    it(`of ${name} gives a value or its error, and nothing larger than it was given`, () => {
      for (const sample of samples) assert.isDefined(read(sample), "a sample is not well-formed");
      const chance = makeChance(name.length);
      const began = performance.now();
      for (let n = 0; n < VARIANTS; n++) {
        const bytes = mutate(samples, chance);
        const before = bytes.slice();
        try {
          const weight = weigh(read(bytes));
          assert.isAtMost(weight, 40 * bytes.length + 400);
          assert.deepStrictEqual(bytes, before);
        } catch (error) {
          throw new Error(`variant ${n}: ${Buffer.from(before).toString("hex")}`, { cause: error });
        }
      }
      assert.isBelow(performance.now() - began, TIME);
    });

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
