import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import * as InfoHash from "../../src/schema/infoHash.ts";
import type { AnnounceRequest } from "../../src/schema/tracker.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnnounce,
  encodeAnswer,
  encodeConnect,
  MAX_URL_DATA,
  transactionOf,
  udpTarget,
} from "../../src/schema/trackerUdp.ts";
import { describeFixtures, fixture, vectors } from "../support/fixtures.ts";

const fromHex = (hex: string) => Result.getOrThrow(Hex.decode(hex));
const infoHash = (bytes: Uint8Array) => Option.getOrThrow(InfoHash.fromBytes(bytes));
const between = (minimum: number, maximum: number) =>
  Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum })));
const U32 = between(0, 0xffff_ffff);
const bytesOf = (length: number) =>
  Schema.Array(between(0, 255)).pipe(Schema.check(Schema.isMinLength(length), Schema.isMaxLength(length)));

const Request = Schema.Struct({
  infoHash: bytesOf(20),
  peerId: bytesOf(20),
  port: between(0, 65_535),
  uploaded: between(0, Number.MAX_SAFE_INTEGER),
  downloaded: between(0, Number.MAX_SAFE_INTEGER),
  left: between(0, Number.MAX_SAFE_INTEGER),
  event: Schema.Literals(["none", "started", "completed", "stopped"]),
  numwant: between(-1, 1000),
  key: U32,
});
const requestOf = (fields: typeof Request.Type): AnnounceRequest => ({
  ...fields,
  infoHash: infoHash(Uint8Array.from(fields.infoHash)),
  peerId: Uint8Array.from(fields.peerId),
});

describe("trackerUdp", () => {
  it("takes URLs apart", () => {
    assert.deepStrictEqual(udpTarget("udp://t.example:80"), { hostname: "t.example", port: 80, urlData: "" });
    assert.deepStrictEqual(udpTarget("UDP://[::1]:6969/announce?a=b&c#f"), {
      hostname: "::1",
      port: 6969,
      urlData: "/announce?a=b&c",
    });
    for (const url of [
      "",
      "udp://t",
      "udp://t/announce",
      "udp://t:0",
      "udp://t:65536",
      "udp://:1",
      "http://t:1",
      "udp://::1:5",
    ]) {
      assert.isUndefined(udpTarget(url), url);
    }
  });

  it.prop(
    "brings requests back as they were",
    { fields: Request, id: U32, transactionId: U32, text: Schema.String },
    (given) => {
      const connect = decodeRequest(encodeConnect(given.transactionId));
      assert.deepStrictEqual(connect, { _tag: "Connect", transactionId: given.transactionId });
      const request = requestOf(given.fields);
      const urlData = encodeURI(given.text.toWellFormed()).slice(0, MAX_URL_DATA);
      const envelope = { connectionId: BigInt(given.id) << 20n, transactionId: given.transactionId, urlData };
      assert.deepStrictEqual(decodeRequest(encodeAnnounce(envelope, request)), {
        _tag: "Announce",
        ...envelope,
        request,
      });
    },
  );

  it.prop(
    "brings answers back as they were",
    { transactionId: U32, n: U32, text: Schema.String },
    ({ transactionId, n, text }) => {
      const connected = { _tag: "Connected", transactionId, connectionId: BigInt(n) * 3n } as const;
      assert.deepStrictEqual(decodeAnswer(encodeAnswer(connected, "IPv4"), "IPv4"), connected);
      const v4 = NetAddress.inetAddressFromStringUnsafe("1.2.3.4:5");
      const v6 = NetAddress.inetAddressFromStringUnsafe("[2001:db8::1]:6");
      for (const [family, peer] of [
        ["IPv4", v4],
        ["IPv6", v6],
      ] as const) {
        const response = { peers: [peer], interval: n, leechers: n, seeders: 1 };
        const announced = { _tag: "Announced", transactionId, response: { ...response, peers: [v4, v6] } } as const;
        assert.deepStrictEqual(decodeAnswer(encodeAnswer(announced, family), family), { ...announced, response });
      }
      const error = decodeAnswer(encodeAnswer({ _tag: "Error", transactionId, text }, "IPv4"), "IPv4");
      assert.strictEqual(error?._tag, "Error");
    },
  );

  it.prop("never throws on arbitrary bytes", [Schema.Uint8Array, between(0, 4)], ([bytes, action]) => {
    for (const packet of [bytes, Uint8Array.of(0, 0, 0, action, ...bytes)]) {
      decodeAnswer(packet, "IPv4");
      decodeAnswer(packet, "IPv6");
      decodeRequest(packet);
      decodeRequest(Uint8Array.of(...bytes.subarray(0, 8), 0, 0, 0, action, ...new Uint8Array(86), ...bytes));
    }
  });

  it("refuses packets that are too short, and takes those that are longer than they need be", () => {
    const connected = { _tag: "Connected", transactionId: 7, connectionId: 9n } as const;
    const packet = encodeAnswer(connected, "IPv4");
    assert.isUndefined(decodeAnswer(packet.subarray(0, 15), "IPv4"));
    assert.deepStrictEqual(decodeAnswer(Uint8Array.of(...packet, 1, 2, 3), "IPv4"), connected);
    const announced = new Uint8Array(19);
    announced[3] = 1;
    assert.isUndefined(decodeAnswer(announced, "IPv4"));
    assert.isUndefined(decodeAnswer(new Uint8Array(7), "IPv4"));
    assert.isUndefined(transactionOf(new Uint8Array(7)));
    assert.isUndefined(decodeAnswer(Uint8Array.of(0, 0, 0, 9, 0, 0, 0, 0), "IPv4"));
    assert.isUndefined(decodeRequest(encodeConnect(1).fill(0, 0, 8)));
  });

  it("splits long URLs over several options, and sends none that a packet cannot hold", () => {
    const request = requestOf({ ...zero, infoHash: Array(20).fill(1), peerId: Array(20).fill(2) });
    const packet = (urlData: string) => encodeAnnounce({ connectionId: 1n, transactionId: 2, urlData }, request);
    assert.strictEqual(packet("").length, 98);
    assert.strictEqual(packet("x".repeat(255)).length, 98 + 257);
    assert.strictEqual(packet("x".repeat(256)).length, 98 + 257 + 3);
    assert.strictEqual(packet("x".repeat(MAX_URL_DATA + 1)).length, 98);
  });
});

const zero = { port: 0, uploaded: 0, downloaded: 0, left: 0, event: "none", numwant: -1, key: 0 } as const;

describeFixtures("trackerUdp, published vectors", () => {
  const Packet = Schema.Struct({ hex: Schema.String });
  const Bep15 = Schema.Struct({
    connectRequest: Schema.Struct({ transactionId: Schema.Int, hex: Schema.String }),
    connectResponse: Schema.Struct({ hex: Schema.String, connectionId: Schema.String }),
    announceRequest: Packet,
    announceResponse: Schema.Struct({
      hex: Schema.String,
      decoded: Schema.Struct({
        interval: Schema.Int,
        leechers: Schema.Int,
        seeders: Schema.Int,
        peers: Schema.Array(Schema.String),
      }),
    }),
    errorResponse: Schema.Struct({ hex: Schema.String, message: Schema.String }),
    urlData: Schema.Struct({
      url: Schema.String,
      optionBytesAt98: Schema.String,
      equivalentWithNopsAndEnd: Schema.String,
      emptyUrlData: Schema.String,
    }),
  });
  const bep15 = vectors("bep15_udp", Bep15);
  const transactionId = bep15.connectRequest.transactionId;
  const connectionId = BigInt(`0x${bep15.connectResponse.connectionId}`);
  const request: AnnounceRequest = {
    infoHash: infoHash(new Uint8Array(20).fill(0xaa)),
    peerId: new TextEncoder().encode("-XX0001-abcdefghijkl"),
    downloaded: 1,
    left: 2,
    uploaded: 3,
    event: "started",
    key: 0xdead_beef,
    numwant: -1,
    port: 6881,
  };

  it("connects as BEP 15 says", () => {
    assert.strictEqual(Hex.encode(encodeConnect(transactionId)), bep15.connectRequest.hex);
    const connected = { _tag: "Connected", transactionId, connectionId } as const;
    assert.deepStrictEqual(decodeAnswer(fromHex(bep15.connectResponse.hex), "IPv4"), connected);
    assert.strictEqual(Hex.encode(encodeAnswer(connected, "IPv4")), bep15.connectResponse.hex);
  });

  it("announces as BEP 15 says", () => {
    const packet = encodeAnnounce({ connectionId, transactionId, urlData: "" }, request);
    assert.strictEqual(Hex.encode(packet), bep15.announceRequest.hex);
    const { peers, ...counts } = bep15.announceResponse.decoded;
    const response = { ...counts, peers: peers.map(NetAddress.inetAddressFromStringUnsafe) };
    const announced = { _tag: "Announced", transactionId, response } as const;
    assert.deepStrictEqual(decodeAnswer(fromHex(bep15.announceResponse.hex), "IPv4"), announced);
    assert.strictEqual(Hex.encode(encodeAnswer(announced, "IPv4")), bep15.announceResponse.hex);
  });

  it("reads and writes errors as BEP 15 says", () => {
    const error = { _tag: "Error", transactionId, text: bep15.errorResponse.message } as const;
    assert.deepStrictEqual(decodeAnswer(fromHex(bep15.errorResponse.hex), "IPv4"), error);
    assert.strictEqual(Hex.encode(encodeAnswer(error, "IPv4")), bep15.errorResponse.hex);
  });

  it("carries path and query as BEP 41 says", () => {
    const urlData = udpTarget(bep15.urlData.url)?.urlData ?? "";
    const packet = encodeAnnounce({ connectionId, transactionId, urlData }, request);
    assert.strictEqual(Hex.encode(packet.subarray(98)), bep15.urlData.optionBytesAt98);
    const plain = fromHex(bep15.announceRequest.hex);
    const optionsOf = (hex: string) => {
      const decoded = decodeRequest(Uint8Array.of(...plain, ...fromHex(hex)));
      return decoded?._tag === "Announce" ? decoded.urlData : undefined;
    };
    assert.strictEqual(optionsOf(bep15.urlData.equivalentWithNopsAndEnd), urlData);
    assert.strictEqual(optionsOf(bep15.urlData.emptyUrlData), "");
  });

  it("reads a recorded answer", () => {
    const answer = decodeAnswer(fixture("recorded/tracker-udp-tracker-announce-response.bin"), "IPv4");
    assert.strictEqual(answer?._tag, "Announced");
    if (answer?._tag !== "Announced") return;
    const { peers, ...counts } = answer.response;
    assert.deepStrictEqual(
      [answer.transactionId, counts],
      [3_851_738_388, { interval: 1652, leechers: 257, seeders: 3341 }],
    );
    assert.strictEqual(peers.length, 200);
    assert.deepStrictEqual(peers[0], NetAddress.inetAddressFromStringUnsafe("46.0.63.105:6881"));
  });
});
