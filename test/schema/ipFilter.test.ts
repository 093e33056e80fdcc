import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import { gunzipSync } from "node:zlib";
import { parseIpFilter } from "../../src/schema/ipFilter.ts";
import { describeFixtures, fixture, vectors } from "../support/fixtures.ts";

const parse = (text: string) => Result.getOrThrowWith(parseIpFilter(text), ({ line }) => new Error(`line ${line}`));
const has = (text: string, ip: string): boolean => parse(text).has(NetAddress.ipFromStringUnsafe(ip));
const octet = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })));

describe("ipFilter", () => {
  const cases: ReadonlyArray<readonly [line: string, inside: ReadonlyArray<string>, outside: ReadonlyArray<string>]> = [
    ["Some: name:1.2.3.0-1.2.3.255", ["1.2.3.0", "1.2.3.255", "::ffff:1.2.3.4"], ["1.2.2.255", "1.2.4.0"]],
    ["001.002.003.008 - 001.002.003.010 , 000 , name", ["1.2.3.8", "1.2.3.10"], ["1.2.3.7", "1.2.3.11"]],
    ["1.2.3.8 - 1.2.3.10 , 128 , allowed", [], ["1.2.3.9"]],
    ["10.5.6.7/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]],
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1"]],
    ["2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "1.2.3.4"]],
    ["v6: x:2001:db8::1-2001:db8::2", ["2001:db8::1", "2001:db8::2"], ["2001:db8::", "2001:db8::3"]],
    ["8.8.8.8", ["8.8.8.8"], ["8.8.8.7"]],
    ["a-b-c:1.1.1.1-1.1.1.2\r", ["1.1.1.2"], ["1.1.1.3"]],
  ];
  for (const [line, inside, outside] of cases) {
    it(`reads ${JSON.stringify(line)}`, () => {
      for (const ip of inside) assert.isTrue(has(line, ip), ip);
      for (const ip of outside) assert.isFalse(has(line, ip), ip);
    });
  }

  it("joins ranges that overlap or touch, in any order", () => {
    const text = "x:9.0.0.5-9.0.0.9\ny:9.0.0.0-9.0.0.4\nz:9.0.0.2-9.0.0.3\n1.1.1.1\n";
    const filter = parse(text);
    assert.strictEqual(filter.rules, 4);
    for (const last of [0, 3, 4, 5, 9]) assert.isTrue(has(text, `9.0.0.${last}`));
    assert.isFalse(has(text, "9.0.0.10"));
    assert.isFalse(has(text, "8.255.255.255"));
  });

  it("has no rules in a file of comments and blanks", () => {
    assert.strictEqual(parse("# a\n\n  // b\r\n   ").rules, 0);
    assert.strictEqual(parse("").rules, 0);
  });

  it("names the line that makes no sense", () => {
    for (const bad of ["x:1.2.3.9-1.2.3.1", "1.2.3.256", "1.2.3.0/33", "hello", "a:1.2.3.4-::1", "1.2.3.4 - x , 1 , y"])
      assert.deepStrictEqual(parseIpFilter(`8.8.8.8\n\n${bad}\n9.9.9.9`), Result.fail({ line: 3, text: bad }));
    assert.strictEqual(Result.isFailure(parseIpFilter(`${"x".repeat(5_000)}:1.1.1.1-1.1.1.2`)), true);
  });

  it.prop("finds what lies between the ends of any range", [octet, octet, octet], ([a, b, c]) => {
    const [low = 0, middle = 0, high = 0] = [a, b, c].sort((x, y) => x - y);
    assert.isTrue(has(`n:${low}.0.0.0-${high}.0.0.0`, `${middle}.0.0.0`));
  });

  it.prop("never throws, whatever it is given", [Schema.String, Schema.Uint8Array], ([text, bytes]) => {
    parseIpFilter(text);
    parseIpFilter(new TextDecoder("latin1").decode(bytes));
    parseIpFilter(`${text}:1.2.3.4-1.2.3.5\n${text}/8`);
  });
});

describeFixtures("ipFilter, recorded lists", () => {
  it("blocks and allows as transmission does", () => {
    const { allowed, blocked, rules, text } = vectors(
      "blocklist",
      Schema.Struct({
        text: Schema.String,
        rules: Schema.Int,
        blocked: Schema.Array(Schema.String),
        allowed: Schema.Array(Schema.String),
      }),
    );
    assert.strictEqual(parse(text).rules, rules);
    for (const ip of blocked) assert.isTrue(has(text, ip), ip);
    for (const ip of allowed) assert.isFalse(has(text, ip), ip);
  });

  it("reads the recorded list, packed or not", () => {
    const plain = fixture("recorded/blocklist-blocklist.txt");
    const packed = gunzipSync(fixture("recorded/blocklist-blocklist.txt.gz"));
    for (const bytes of [plain, packed]) {
      const text = new TextDecoder("latin1").decode(bytes);
      assert.isTrue(has(text, "1.2.3.4") && has(text, "5.6.7.255"));
      assert.isFalse(has(text, "1.2.4.0"));
    }
  });
});
