import { assert, describe, it } from "@effect/vitest";
import { NetAddress } from "effect/net";
import { meansTheSameTo, reach } from "../../src/schema/reach.ts";

const ip = NetAddress.ipFromStringUnsafe;

describe("reach", () => {
  const cases = {
    0: ["127.0.0.1", "127.9.9.9", "::1"],
    1: ["169.254.1.1", "fe80::1"],
    2: [
      "10.0.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.0.1",
      "100.64.0.0",
      "100.127.255.255",
      "fd00::1",
      "fc00::1",
    ],
    3: ["172.32.0.1", "100.63.255.255", "100.128.0.0", "8.8.8.8", "192.169.0.1", "2001:db8::1"],
  } as const;
  for (const [how, addresses] of Object.entries(cases)) {
    it(`is ${how} for ${addresses.join(", ")}`, () => {
      for (const address of addresses) assert.strictEqual(reach(ip(address)), Number(how));
    });
  }

  it("means that only a neighbour's word on a neighbour counts", () => {
    assert.isTrue(meansTheSameTo(ip("8.8.8.8"), ip("10.0.0.1")));
    assert.isTrue(meansTheSameTo(ip("10.0.0.2"), ip("10.0.0.1")));
    assert.isTrue(meansTheSameTo(ip("10.0.0.2"), ip("127.0.0.1")));
    assert.isFalse(meansTheSameTo(ip("10.0.0.2"), ip("8.8.8.8")));
    assert.isFalse(meansTheSameTo(ip("127.0.0.1"), ip("10.0.0.1")));
    assert.isFalse(meansTheSameTo(ip("fe80::1"), ip("2001:db8::1")));
  });
});
