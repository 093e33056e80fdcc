import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { formatMagnet, MAX_MAGNET_LENGTH, parseMagnet } from "../../src/schema/magnet.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";
import { formatHostPort } from "../../src/schema/hostPort.ts";

const HASH = "d2354010a3ca4ade5b7427bb093a62a3899ff381";

const parsed = (text: string) => Result.getOrThrowWith(parseMagnet(text), (error) => error);

const codeOf = (text: string): string =>
  Result.match(parseMagnet(text), { onFailure: (error) => error.code, onSuccess: () => "parsed" });

describe("parseMagnet", () => {
  it("says what is wrong", () => {
    assert.strictEqual(codeOf(""), "magnet.not-magnet");
    assert.strictEqual(codeOf("https://example.org"), "magnet.not-magnet");
    assert.strictEqual(codeOf("magnet:?dn=x"), "magnet.no-info-hash");
    assert.strictEqual(codeOf("magnet:?xt=urn:btih:abab"), "magnet.bad-info-hash");
    assert.strictEqual(codeOf(`magnet:?xt=urn:btih:${HASH}0`), "magnet.bad-info-hash");
    assert.strictEqual(codeOf(`magnet:?dn=${"x".repeat(MAX_MAGNET_LENGTH)}`), "magnet.too-long");
  });

  it("does not expand ranges of files", () => {
    const { selectOnly } = parsed(`magnet:?xt=urn:btih:${HASH}&so=0-4294967295,7,9-8,x,-1,3-4`);
    assert.deepStrictEqual(selectOnly, [
      [0, 4_294_967_295],
      [7, 7],
      [3, 4],
    ]);
  });

  it("leaves out what cannot be unescaped", () => {
    const magnet = parsed(`magnet:?xt=urn:btih:${HASH}&dn=%zz&tr=%c0&tr=udp%3A%2F%2Fa&__proto__=x&so=%`);
    assert.isUndefined(magnet.name);
    assert.isUndefined(magnet.selectOnly);
    assert.deepStrictEqual(magnet.trackers, ["udp://a"]);
  });

  it("keeps a tracker whose URL was not escaped", () => {
    const { trackers } = parsed(`magnet:?xt=urn:btih:${HASH}&tr=http://a/announce?key=1`);
    assert.deepStrictEqual(trackers, ["http://a/announce?key=1"]);
  });

  it("keeps a plus sign that was escaped", () => {
    assert.strictEqual(parsed(`magnet:?xt=urn:btih:${HASH}&dn=C%2B%2B+book`).name, "C++ book");
  });

  it("takes numbered keys", () => {
    const magnet = parsed(`magnet:?xt.1=urn:btih:${HASH}&tr.1=udp://a&tr.2=udp://b&xl=5`);
    assert.strictEqual(magnet.infoHash.hex, HASH);
    assert.deepStrictEqual(magnet.trackers, ["udp://a", "udp://b"]);
    assert.strictEqual(magnet.length, 5);
  });

  it("uses the first 20 bytes of a v2 hash where there is no v1 hash", () => {
    const v2 = "ab".repeat(32);
    const magnet = parsed(`magnet:?xt=urn:btmh:1220${v2}`);
    assert.strictEqual(magnet.infoHash.hex, "ab".repeat(20));
    assert.strictEqual(magnet.infoHashV2, v2);
    assert.isUndefined(magnet.infoHashV1);
  });

  it.prop("takes any text after the key without throwing", [Schema.String, Schema.String], ([key, value]) => {
    assert.strictEqual(
      parsed(`magnet:?${key.replace(/^xt/i, "")}=${value}&xt=urn:btih:${HASH}`).infoHash.hex.length,
      40,
    );
    Result.getFailure(parseMagnet(value));
  });
});

/** Text as a link can hold it: without lone surrogates and surrounding space, not empty. */
const tidy = (text: string): string => text.toWellFormed().trim() || "_";
const Index = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 })));

describe("formatMagnet", () => {
  it.prop(
    "writes what parseMagnet reads",
    {
      name: Schema.String,
      trackers: Schema.Array(Schema.String),
      webSeeds: Schema.Array(Schema.String),
      from: Index,
      span: Index,
    },
    ({ from, name, span, trackers, webSeeds }) => {
      const magnet = {
        ...parsed(HASH),
        name: tidy(name),
        trackers: [...new Set(trackers.map(tidy))],
        webSeeds: [...new Set(webSeeds.map(tidy))],
        length: span,
        peers: [{ host: "::1", port: 1 }],
        nodes: [{ host: "router.example.org", port: 65_535 }],
        selectOnly: [
          [from, from + span],
          [1, 1],
        ] as const,
      };
      assert.deepStrictEqual(parsed(formatMagnet(magnet)), magnet);
    },
  );

  it("writes both hashes of a hybrid", () => {
    const link = `magnet:?xt=urn:btih:${HASH}&xt=urn:btmh:1220${"cd".repeat(32)}`;
    assert.strictEqual(formatMagnet(parsed(link)), link);
  });
});

const Strings = Schema.optionalKey(Schema.Array(Schema.String));

describeFixtures("published magnet links", () => {
  const { cases } = vectors(
    "magnets",
    Schema.Struct({
      cases: Schema.Array(
        Schema.Struct({
          uri: Schema.String,
          expect: Schema.Struct({
            error: Schema.optionalKey(Schema.String),
            publicKey: Schema.optionalKey(Schema.String),
            v1: Schema.optionalKey(Schema.String),
            v2: Schema.optionalKey(Schema.String),
            name: Schema.optionalKey(Schema.String),
            trackers: Strings,
            webSeeds: Strings,
            peers: Strings,
            dhtNodes: Strings,
            selectOnly: Schema.optionalKey(Schema.Array(Schema.Int)),
          }),
        }),
      ),
    }),
  );

  for (const { expect, uri } of cases) {
    it(`reads ${uri.slice(0, 120)}`, () => {
      const result = parseMagnet(uri);
      if (expect.error !== undefined || expect.publicKey !== undefined) {
        assert.isTrue(Result.isFailure(result));
        return;
      }
      const magnet = parsed(uri);
      assert.strictEqual(magnet.infoHashV1, expect.v1);
      assert.strictEqual(magnet.infoHashV2, expect.v2);
      if (expect.name !== undefined) assert.strictEqual(magnet.name, expect.name);
      if (expect.trackers) assert.deepStrictEqual(magnet.trackers, expect.trackers);
      if (expect.webSeeds) assert.deepStrictEqual(magnet.webSeeds, expect.webSeeds);
      if (expect.peers) assert.deepStrictEqual(magnet.peers.map(formatHostPort), expect.peers);
      if (expect.dhtNodes) assert.deepStrictEqual(magnet.nodes.map(formatHostPort), expect.dhtNodes);
      if (expect.selectOnly) {
        const chosen = (magnet.selectOnly ?? []).flatMap(([first, last]) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        );
        assert.deepStrictEqual(chosen, expect.selectOnly);
      }
    });
  }

  it("reads the file selection of BEP 53", () => {
    const group = vectors(
      "bep53_select_only",
      Schema.Struct({ cases: Schema.Array(Schema.Struct({ so: Schema.String, indices: Schema.Array(Schema.Int) })) }),
    );
    for (const { indices, so } of group.cases) {
      const { selectOnly = [] } = parsed(`magnet:?xt=urn:btih:${HASH}&so=${so}`);
      const chosen = indices.filter((i) => selectOnly.some(([first, last]) => first <= i && i <= last));
      assert.deepStrictEqual(chosen, indices);
      assert.strictEqual(
        selectOnly.reduce((sum, [first, last]) => sum + last - first + 1, 0),
        indices.length,
      );
    }
  });
});
