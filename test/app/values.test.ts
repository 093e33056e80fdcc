import { assert, describe, it } from "@effect/vitest";
import { Result } from "effect";
import * as NetAddress from "effect/net/NetAddress";
import * as values from "../../src/app/values.ts";

const accepted = <A>(read: values.Read<A>, text: string): A | undefined => Result.getOrUndefined(read(text));
const refused = <A>(read: values.Read<A>, text: string): boolean => Result.isFailure(read(text));

describe("values", () => {
  it("reads whole numbers within their range and nothing else", () => {
    const port = values.integer(0, 65_535);
    assert.deepStrictEqual(
      ["0", "6881", "65535"].map((text) => accepted(port, text)),
      [0, 6881, 65_535],
    );
    for (const text of ["", "-1", "65536", "1e3", "0x10", " 1", "1.5", "99999999999999999999"]) {
      assert.isTrue(refused(port, text), text);
    }
  });

  it("reads durations with a unit, above zero, no longer than a timer can be", () => {
    assert.deepStrictEqual(
      ["500ms", "30s", "5m", "1h", "1.5h", "24d"].map((text) => accepted(values.duration, text)),
      [500, 30_000, 300_000, 3_600_000, 5_400_000, 2_073_600_000],
    );
    for (const text of ["30", "0s", "-1s", "1w", "s", "", "25d", "1h30m", "Infinitys"]) {
      assert.isTrue(refused(values.duration, text), text);
    }
  });

  it("reads peers by name, IPv4 and bracketed IPv6", () => {
    assert.deepStrictEqual(
      ["example.org:6881", "10.0.0.1:1", "[::1]:65535"].map((text) => accepted(values.hostPort, text)),
      [
        { host: "example.org", port: 6881 },
        { host: "10.0.0.1", port: 1 },
        { host: "::1", port: 65_535 },
      ],
    );
    for (const text of ["example.org", "::1:6881", "a:0", "a:65536", ":1", "[zz]:1", "[1.2.3.4]:1", "a b:1", ""]) {
      assert.isTrue(refused(values.hostPort, text), text);
    }
  });

  it("takes addresses of either family for --bind", () => {
    for (const text of ["127.0.0.1", "::1"])
      assert.deepStrictEqual(accepted(values.address, text), NetAddress.ipFromStringUnsafe(text));
    for (const text of ["localhost", "256.1.1.1", ""]) assert.isTrue(refused(values.address, text), text);
  });

  it("takes trackers over http, https and udp", () => {
    for (const text of ["http://t/a", "https://t/a", "udp://t:1/announce"]) {
      assert.strictEqual(accepted(values.trackerUrl, text), text);
    }
    for (const text of ["t:80", "wss://t", "ftp://t/", "http://", ""]) {
      assert.isTrue(refused(values.trackerUrl, text), text);
    }
  });

  it("tells indices from globs in --select", () => {
    assert.deepStrictEqual(accepted(values.selectPattern, "0,2-4"), {
      _tag: "Ranges",
      ranges: [
        [0, 0],
        [2, 4],
      ],
    });
    assert.deepStrictEqual(accepted(values.selectPattern, "*.iso"), { _tag: "Glob", glob: "*.iso" });
    assert.deepStrictEqual(accepted(values.selectPattern, "1 track.flac"), { _tag: "Glob", glob: "1 track.flac" });
    for (const text of ["4-2", "1,,2", "", " ", "1-2-3", "99999999999"]) {
      assert.isTrue(refused(values.selectPattern, text), text);
    }
  });
});
