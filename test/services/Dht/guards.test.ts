/** What keeps strangers from using us: tokens, votes, limits. */
import { assert, describe, it } from "@effect/vitest";
import { NetAddress } from "effect/net";
import { hash } from "node:crypto";
import { makeThrottle } from "../../../src/services/Dht/throttle.ts";
import { makeTokens } from "../../../src/services/Dht/tokens.ts";
import { makeVotes } from "../../../src/services/Dht/votes.ts";
import { inet } from "../../support/dht.ts";

describe("tokens", () => {
  const makeOwn = () => {
    let secrets = 0;
    return makeTokens({
      sha1: (bytes) => hash("sha1", bytes, "buffer"),
      random: (length) => new Uint8Array(length).fill(++secrets),
      rotation: 300,
    });
  };

  it("are good for the address they were given to, at any port", () => {
    const tokens = makeOwn();
    const token = tokens.give(inet("1.2.3.4:1"), 0);
    assert.isTrue(tokens.check(inet("1.2.3.4:2"), token, 0));
    assert.isFalse(tokens.check(inet("1.2.3.5:1"), token, 0));
    assert.isFalse(tokens.check(inet("1.2.3.4:1"), token.subarray(1), 0));
    assert.isFalse(tokens.check(inet("1.2.3.4:1"), new Uint8Array(0), 0));
  });

  it("are good for one more rotation", () => {
    const tokens = makeOwn();
    const token = tokens.give(inet("1.2.3.4:1"), 1_000);
    assert.isTrue(tokens.check(inet("1.2.3.4:1"), token, 1_299));
    assert.isTrue(tokens.check(inet("1.2.3.4:1"), token, 1_599));
    assert.isFalse(tokens.check(inet("1.2.3.4:1"), token, 1_600));
  });

  it("are not good after a long silence", () => {
    const tokens = makeOwn();
    const token = tokens.give(inet("1.2.3.4:1"), 1_000);
    assert.isFalse(tokens.check(inet("1.2.3.4:1"), token, 9_000));
  });
});

describe("votes", () => {
  const ip = NetAddress.ipFromStringUnsafe;
  const shown = (elected: NetAddress.IpAddress | undefined) => elected && NetAddress.formatIp(elected);

  it("elect what enough different participants say", () => {
    const votes = makeVotes(3);
    for (let i = 0; i < 10; i++) votes.cast(inet(`20.0.0.1:${i + 1}`), ip("9.9.9.9"));
    assert.isUndefined(votes.elected());
    votes.cast(inet("20.0.0.2:1"), ip("9.9.9.9"));
    votes.cast(inet("20.0.0.3:1"), ip("9.9.9.9"));
    assert.strictEqual(shown(votes.elected()), "9.9.9.9");
  });

  it("need more than half, and follow a change", () => {
    const votes = makeVotes(3);
    for (let i = 0; i < 3; i++) votes.cast(inet(`20.0.0.${i}:1`), ip("9.9.9.9"));
    for (let i = 0; i < 4; i++) votes.cast(inet(`20.0.1.${i}:1`), ip("8.8.8.8"));
    assert.strictEqual(shown(votes.elected()), "8.8.8.8");
    for (let i = 0; i < 4; i++) votes.cast(inet(`20.0.2.${i}:1`), ip(`7.7.7.${i}`));
    assert.isUndefined(votes.elected());
  });

  it("count neither local addresses nor local voters", () => {
    const votes = makeVotes(1);
    votes.cast(inet("20.0.0.1:1"), ip("192.168.1.2"));
    votes.cast(inet("192.168.1.1:1"), ip("9.9.9.9"));
    votes.cast(inet("20.0.0.1:1"), ip("224.0.0.1"));
    assert.isUndefined(votes.elected());
  });
});

describe("throttle", () => {
  const settings = { sourceLimit: 5, sourceWindow: 1_000, sourceBan: 10_000, answerRate: 100 };

  it("ignores who floods, for a while, and nobody else", () => {
    const throttle = makeThrottle(settings);
    const from = inet("1.2.3.4:1");
    for (let i = 0; i < 5; i++) assert.isTrue(throttle.admits(inet(`1.2.3.4:${i + 1}`), 0));
    assert.isFalse(throttle.admits(from, 0));
    assert.isFalse(throttle.admits(from, 9_999));
    assert.isTrue(throttle.admits(inet("1.2.3.5:1"), 0));
    assert.isTrue(throttle.admits(from, 10_000));
  });

  it("lets a slow sender go on for ever", () => {
    const throttle = makeThrottle(settings);
    for (let now = 0; now < 100_000; now += 250) assert.isTrue(throttle.admits(inet("1.2.3.4:1"), now));
  });

  it("bounds what it remembers", () => {
    const throttle = makeThrottle(settings);
    let admitted = 0;
    for (let i = 0; i < 20_000; i++)
      if (throttle.admits(inet(`1.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`), 0)) admitted++;
    assert.strictEqual(admitted, 10_000);
    assert.isTrue(throttle.admits(inet("99.0.0.1:1"), 1_000));
  });

  it("keeps answers to their rate, with a little ahead", () => {
    const throttle = makeThrottle(settings);
    assert.isTrue(throttle.sends(500, 0));
    assert.isFalse(throttle.sends(1, 0));
    assert.isFalse(throttle.sends(101, 1_000));
    assert.isTrue(throttle.sends(100, 1_000));
  });
});
