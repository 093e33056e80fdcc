import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import { keyToBytes as ascii } from "../../src/schema/bencode.ts";
import * as InfoHash from "../../src/schema/infoHash.ts";
import { decodeScrape, decodeUdpScrape, encodeUdpScrape, MAX_UDP_SCRAPE, scrapeUrl } from "../../src/schema/scrape.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const hash = (text: string) => Option.getOrThrow(InfoHash.fromBytes(ascii(text)));
const fromHex = (hex: string) => Result.getOrThrow(Hex.decode(hex));
const [a, b] = [hash("a".repeat(20)), hash("b".repeat(20))];

describe("scrape", () => {
  it("takes the place of announce in the URL, and of nothing else", () => {
    const of = (url: string) => scrapeUrl(url, [a])?.replace(/info_hash=a{20}$/, "*");
    assert.strictEqual(of("http://t/announce"), "http://t/scrape?*");
    assert.strictEqual(of("https://t:8/x/announce.php?k=%DD#f"), "https://t:8/x/scrape.php?k=%DD&*");
    for (const url of ["http://t/a", "http://t/announce/x", "http://t/x?announce=/announce", "udp://t:1/announce"]) {
      assert.isUndefined(of(url), url);
    }
    assert.match(scrapeUrl("http://t/announce", [a, b]) ?? "", /info_hash=a{20}&info_hash=b{20}$/);
  });
  it("reads what was asked for and leaves out what is missing", () => {
    const body = ascii(`d5:filesd20:${"a".repeat(20)}d8:completei5e10:incompletei-1eeee`);
    const counts = Result.getOrThrow(decodeScrape(body, [a, b]));
    assert.deepStrictEqual([...counts], [[a.hex, { seeders: 5, leechers: 0, completed: 0 }]]);
    assert.strictEqual(Result.getOrThrow(decodeScrape(ascii("de"), [a])).size, 0);
  });
  it("tells those who download apart from partial seeds where the tracker does (BEP 21)", () => {
    const counts = (more: string) =>
      Result.getOrThrow(decodeScrape(ascii(`d5:filesd20:${"a".repeat(20)}d${more}10:incompletei9eeee`), [a])).get(
        a.hex,
      );
    assert.deepInclude(counts("11:downloadersi4e"), { leechers: 9, downloaders: 4 });
    assert.deepInclude(counts("11:downloadersi-4e"), { downloaders: 0 });
    assert.notProperty(counts(""), "downloaders");
    assert.notProperty(counts("11:downloaders1:4"), "downloaders");
  });
  it("says why an answer is none", () => {
    const refusal = (body: string) => Result.getOrThrow(Result.flip(decodeScrape(ascii(body), [a])));
    assert.deepStrictEqual(refusal("d14:failure reason2:noe"), { _tag: "Rejected", text: "no" });
    assert.strictEqual(refusal("le")._tag, "Malformed");
    assert.strictEqual(refusal("<html>")._tag, "Malformed");
  });
  it("asks for a bounded number over UDP and reads answers that are cut short", () => {
    const many = Array.from({ length: 100 }, () => a);
    assert.strictEqual(encodeUdpScrape({ connectionId: 1n, transactionId: 2 }, many).length, 16 + MAX_UDP_SCRAPE * 20);
    assert.strictEqual(decodeUdpScrape(Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 1, 9), [a])?.size, 0);
    assert.isUndefined(decodeUdpScrape(Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 1), [a]));
    assert.isUndefined(decodeUdpScrape(new Uint8Array(3), [a]));
  });
  it.prop("never throws on arbitrary bytes", [Schema.Uint8Array], ([bytes]) => {
    decodeScrape(bytes, [a, b]);
    decodeUdpScrape(Uint8Array.of(0, 0, 0, 2, ...bytes), [a, b]);
  });
});

describeFixtures("scrape, published vectors", () => {
  const Packet = Schema.Struct({ hex: Schema.String });
  it("asks and reads as BEP 15 says", () => {
    const Counts = Schema.Struct({ seeders: Schema.Int, completed: Schema.Int, leechers: Schema.Int });
    const Bep15 = Schema.Struct({
      scrapeRequest: Packet,
      scrapeResponse: Schema.Struct({ hex: Schema.String, decoded: Schema.Array(Counts) }),
    });
    const { scrapeRequest, scrapeResponse } = vectors("bep15_udp", Bep15);
    const asked = Option.getOrThrow(InfoHash.fromBytes(new Uint8Array(20).fill(0xaa)));
    const envelope = { connectionId: 0x1122334455667788n, transactionId: 0x12345678 };
    assert.strictEqual(Hex.encode(encodeUdpScrape(envelope, [asked])), scrapeRequest.hex);
    const counts = decodeUdpScrape(fromHex(scrapeResponse.hex), [asked]);
    assert.deepStrictEqual([...(counts?.values() ?? [])], scrapeResponse.decoded);
  });
  it("reads an HTTP scrape of three torrents", () => {
    const Counts = Schema.Struct({ seeders: Schema.Int, leechers: Schema.Int, downloads: Schema.Int });
    const Http = Schema.Struct({
      scrape: Schema.Struct({ hex: Schema.String, expect: Schema.Record(Schema.String, Counts) }),
    });
    const { scrape } = vectors("bep23_24_http_announce", Http);
    const asked = Object.keys(scrape.expect).map(hash);
    const counts = Result.getOrThrow(decodeScrape(fromHex(scrape.hex), asked));
    for (const [text, { seeders, leechers, downloads }] of Object.entries(scrape.expect)) {
      assert.deepStrictEqual(counts.get(hash(text).hex), { seeders, leechers, completed: downloads });
    }
    assert.strictEqual(counts.size, 3);
  });
});
