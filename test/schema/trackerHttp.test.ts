import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import { keyToBytes as ascii } from "../../src/schema/bencode.ts";
import * as InfoHash from "../../src/schema/infoHash.ts";
import { humanText, isDialable, MAX_PEERS, MAX_TEXT, type AnnounceRequest } from "../../src/schema/tracker.ts";
import { announceUrl, decodeAnnounce, httpTarget, percentEncode, redirectUrl } from "../../src/schema/trackerHttp.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const request: AnnounceRequest = {
  infoHash: Option.getOrThrow(InfoHash.fromBytes(Uint8Array.from({ length: 20 }, (_, i) => i * 13))),
  peerId: ascii("-BE0100-0123456789ab"),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  event: "started",
  numwant: 200,
  key: 0xbeef,
};

/** What an answer says, its addresses as text. */
const answer = (body: Uint8Array | string) => {
  const { peers, externalIp, ...rest } = Result.getOrThrow(
    decodeAnnounce(typeof body === "string" ? ascii(body) : body),
  );
  return {
    ...rest,
    peers: peers.map(NetAddress.formatInet),
    ...(externalIp && { externalIp: NetAddress.formatIp(externalIp) }),
  };
};

const refusal = (body: string) => Result.getOrThrow(Result.flip(decodeAnnounce(ascii(body))));

describe("announceUrl", () => {
  it("appends what is announced, every byte that is not unreserved percent-encoded", () => {
    assert.strictEqual(
      announceUrl("http://t.example/announce", request),
      "http://t.example/announce?info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7" +
        "&peer_id=-BE0100-0123456789ab&port=6881&uploaded=1&downloaded=2&left=3&event=started" +
        "&compact=1&no_peer_id=1&numwant=200&key=0000BEEF",
    );
  });
  it("keeps the URL's own query as it is and drops its fragment", () => {
    const own = "https://t.example/a?passkey=%dE%41+'x#top";
    assert.match(announceUrl(own, request), /^https:\/\/t\.example\/a\?passkey=%dE%41\+'x&info_hash=%00/);
    assert.match(announceUrl("http://t.example/?", request), /^http:\/\/t\.example\/\?info_hash=/);
  });
  it("names no event for a plain announce, and hands the tracker id back", () => {
    const url = announceUrl("http://t/", { ...request, event: "none", trackerId: "a b&c" });
    assert.notInclude(url, "event=");
    assert.match(url, /&trackerid=a%20b%26c$/);
  });
  it("says of a partial seed that it is paused, until it stops (BEP 21)", () => {
    const eventOf = (event: AnnounceRequest["event"], partialSeed: boolean) =>
      new URL(announceUrl("http://t/", { ...request, event, partialSeed })).searchParams.get("event");
    for (const event of ["none", "started", "completed"] as const) assert.strictEqual(eventOf(event, true), "paused");
    assert.strictEqual(eventOf("stopped", true), "stopped");
    assert.strictEqual(eventOf("completed", false), "completed");
  });
  it.prop("encodes any bytes so that they come back", [Schema.Uint8Array], ([bytes]) => {
    const text = percentEncode(bytes);
    assert.match(text, /^(?:[\w\-.~]|%[0-9A-F]{2})*$/);
    const back = text.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    assert.deepStrictEqual(ascii(back), Uint8Array.from(bytes));
  });
});

describe("httpTarget", () => {
  it("takes the URL apart and leaves path and query alone", () => {
    assert.deepStrictEqual(httpTarget("http://T.example/a/../b?x=%DD%ea'\"#f"), {
      secure: false,
      hostname: "t.example",
      port: 80,
      path: "/a/../b?x=%DD%ea'\"",
    });
    assert.deepStrictEqual(httpTarget("HTTPS://u%41:p%zz@[2001:db8::1]:8443?x"), {
      secure: true,
      hostname: "2001:db8::1",
      port: 8443,
      path: "/?x",
      auth: "uA:p%zz",
    });
  });
  it("encodes what HTTP cannot carry", () => {
    assert.strictEqual(httpTarget("http://t/a b\u00e9?\r\n\ud800")?.path, "/a%20b%C3%A9?%0D%0A%EF%BF%BD");
    assert.strictEqual(httpTarget("http://b\u00fccher.example/")?.hostname, "xn--bcher-kva.example");
  });
  it("knows what is no HTTP URL", () => {
    for (const url of [
      "",
      "udp://t:1",
      "http://",
      "http:///x",
      "http://t:99999/",
      "http://a b/",
      "//t/x",
      "file:///etc",
    ]) {
      assert.isUndefined(httpTarget(url), url);
    }
  });
  it.prop("never throws and never leaves a byte that would split a request", [Schema.String], ([text]) => {
    const target = httpTarget(`http://t/${text}`);
    assert.match(target?.path ?? "/", /^\/[\x21-\x7e]*$/);
    httpTarget(text);
  });
});

describe("redirectUrl", () => {
  it("resolves every form of Location without re-encoding", () => {
    const from = "http://a.example:8080/x/y?q=%DD";
    const to = (location: string) => redirectUrl(from, location);
    assert.strictEqual(to("https://b.example/z?%DD"), "https://b.example/z?%DD");
    assert.strictEqual(to("//b.example/z"), "http://b.example/z");
    assert.strictEqual(to("/z?%EA"), "http://a.example:8080/z?%EA");
    assert.strictEqual(to("z"), "http://a.example:8080/x/z");
    assert.strictEqual(to("?r"), "http://a.example:8080/x/y?r");
    assert.strictEqual(redirectUrl("http://a.example", "z"), "http://a.example/z");
  });
  it("goes nowhere but over HTTP", () => {
    for (const location of ["", "udp://b:1", "file:///etc/passwd", "javascript:1", "http://"]) {
      assert.isUndefined(redirectUrl("http://a/", location), location);
    }
  });
});

describe("decodeAnnounce", () => {
  it("takes peers from both families and from dictionaries, but none that cannot be dialled", () => {
    assert.deepStrictEqual(
      answer(
        "d8:intervali900e5:peersld2:ip9:127.0.0.14:porti1eed2:ip3:::14:porti2eed2:ip1:x4:porti3eed2:ip7:1.2.3.44:porti0eei7eee",
      ),
      { interval: 900, peers: ["127.0.0.1:1", "[::1]:2"] },
    );
    assert.deepStrictEqual(answer("d5:peers13:\0\0\0\0\x1a\xe1\x01\x02\x03\x04\0\0ze").peers, []);
  });
  it("reads the tracker id and the warning, and no interval as 0", () => {
    assert.deepStrictEqual(answer("d10:tracker id2:x115:warning message4:oh\x1b!e"), {
      interval: 0,
      trackerId: "x1",
      warning: "oh !",
      peers: [],
    });
  });
  it("ignores numbers that make no sense", () => {
    assert.deepStrictEqual(
      answer("d8:completei-1e10:incompletei99999999999999999999e8:intervali-5e12:min interval1:xe"),
      {
        interval: 0,
        peers: [],
      },
    );
  });
  it("takes a bounded number of peers", () => {
    const body = `d5:peers${6 * 4000}:${"\x01\x02\x03\x04\x1a\xe1".repeat(4000)}e`;
    assert.strictEqual(answer(body).peers.length, MAX_PEERS);
  });
  it("says why an answer is none", () => {
    for (const body of ["", "<html>", "i1e", "le", "d8:intervali900e", "de trailing", "l".repeat(1000)]) {
      assert.strictEqual(refusal(body)._tag, "Malformed", body);
    }
    const large = `d1:x${2 ** 20}:${"x".repeat(2 ** 20)}e`;
    assert.strictEqual(refusal(large)._tag, "Malformed");
  });
  it("reads `retry in` as minutes or never, and ignores what is neither", () => {
    const retry = (value: string) => refusal(`d14:failure reason2:no8:retry in${value}e`);
    assert.deepStrictEqual(retry("i2e"), { _tag: "Rejected", text: "no", retryIn: 120 });
    assert.deepStrictEqual(retry("1:7"), { _tag: "Rejected", text: "no", retryIn: 420 });
    assert.deepStrictEqual(retry("5:never"), { _tag: "Rejected", text: "no", retryIn: "never" });
    for (const value of ["i-1e", "4:soon", "le"]) {
      assert.deepStrictEqual(retry(value), { _tag: "Rejected", text: "no" });
    }
  });
  it.prop("never throws on arbitrary bytes", [Schema.Uint8Array], ([bytes]) => {
    decodeAnnounce(bytes);
    decodeAnnounce(Uint8Array.of(...ascii(`d5:peers${bytes.length}:`), ...bytes, 0x65));
  });
});

describe("tracker", () => {
  it("makes a tracker's text harmless and short", () => {
    assert.strictEqual(humanText(ascii("\x1b[2Jgone\r\nfor\u0007good")), "[2Jgone for good");
    assert.strictEqual(humanText(new TextEncoder().encode("\u202eevil\u2028")), "evil");
    assert.isAtMost(humanText(ascii("x".repeat(100_000))).length, MAX_TEXT);
    assert.strictEqual(humanText(Uint8Array.of(0xff)), "\ufffd");
  });
  it("knows the addresses that nobody can dial", () => {
    const dialable = (text: string) => isDialable(NetAddress.inetAddressFromStringUnsafe(text));
    assert.isTrue(dialable("1.2.3.4:1"));
    for (const text of ["1.2.3.4:0", "0.0.0.0:1", "[::]:1", "224.0.0.1:1", "[ff02::1]:1"])
      assert.isFalse(dialable(text), text);
  });
});

describeFixtures("decodeAnnounce, published vectors", () => {
  it("reads the answer of BEP 7", () => {
    const { ascii: text } = vectors("bep07_response", Schema.Struct({ ascii: Schema.String }));
    assert.deepStrictEqual(answer(text), {
      interval: 1800,
      peers: ["105.105.105.105:28784", "[6969:6969:6969:6969:6969:6969:6969:6969]:28784"],
    });
  });

  const Expect = Schema.Struct({
    interval: Schema.optionalKey(Schema.Int),
    minInterval: Schema.optionalKey(Schema.Int),
    seeders: Schema.optionalKey(Schema.Int),
    leechers: Schema.optionalKey(Schema.Int),
    externalIp: Schema.optionalKey(Schema.String),
    peers: Schema.optionalKey(Schema.Array(Schema.String)),
    failureReason: Schema.optionalKey(Schema.String),
  });
  const Http = Schema.Struct({ cases: Schema.Array(Schema.Struct({ hex: Schema.String, expect: Expect })) });
  const { cases } = vectors("bep23_24_http_announce", Http);
  for (const { hex, expect } of cases) {
    it(`reads ${JSON.stringify(expect)}`, () => {
      const body = Result.getOrThrow(Hex.decode(hex));
      if (expect.failureReason === undefined) {
        const read: Record<string, unknown> = answer(body);
        for (const [key, value] of Object.entries(expect)) assert.deepStrictEqual(read[key], value, key);
        return;
      }
      const failure = Result.getOrThrow(Result.flip(decodeAnnounce(body)));
      assert.deepStrictEqual(failure, { _tag: "Rejected", text: expect.failureReason });
    });
  }

  it("reads the failures of BEP 31", () => {
    const Retry = Schema.Struct({
      cases: Schema.Array(
        Schema.Struct({
          ascii: Schema.String,
          expect: Schema.Struct({
            retryMinutes: Schema.optionalKey(Schema.Int),
            retry: Schema.optionalKey(Schema.String),
          }),
        }),
      ),
    });
    for (const { ascii: text, expect } of vectors("bep31_retry", Retry).cases) {
      const reason = refusal(text);
      assert.strictEqual(reason._tag, "Rejected");
      const retryIn = expect.retryMinutes === undefined ? expect.retry : expect.retryMinutes * 60;
      assert.strictEqual("retryIn" in reason ? reason.retryIn : undefined, retryIn);
    }
  });
});
