import { assert, describe, it } from "@effect/vitest";
import { NetAddress } from "effect/net";
import { makeVantage } from "../../src/streams/vantage.ts";

const ip = NetAddress.ipFromStringUnsafe;
const v4 = NetAddress.inetAddressFromStringUnsafe("8.8.8.8:1");
const v6 = NetAddress.inetAddressFromStringUnsafe("[2001:db8::8]:1");

describe("vantage", () => {
  it("is where most peers see us, in the family that is asked for", () => {
    const { seenAt, towards } = makeVantage(6881);
    for (const seen of ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.2", "2001:db8::1"]) seenAt(ip(seen));
    assert.strictEqual(NetAddress.formatInet(towards(v4)), "192.0.2.2:6881");
    assert.strictEqual(NetAddress.formatInet(towards(v6)), "[2001:db8::1]:6881");
  });

  it("is nobody's address while nobody said anything", () => {
    assert.strictEqual(NetAddress.formatInet(makeVantage(6881).towards(v4)), "0.0.0.0:6881");
    assert.strictEqual(NetAddress.formatInet(makeVantage(undefined).towards(v6)), "[::]:0");
  });

  it("forgets those that few saw when there are too many", () => {
    const { seenAt, towards } = makeVantage(1);
    seenAt(ip("192.0.2.1"));
    seenAt(ip("192.0.2.1"));
    for (let host = 0; host < 255; host++) seenAt(ip(`198.51.100.${host}`));
    assert.strictEqual(NetAddress.formatInet(towards(v4)), "192.0.2.1:1");
  });
});
