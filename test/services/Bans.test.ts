import { assert, describe, it } from "@effect/vitest";
import { Effect, Option } from "effect";
import { NetAddress } from "effect/net";
import { Bans, MAX_BANS } from "../../src/services/Bans.ts";

const at = NetAddress.inetAddressFromStringUnsafe;

describe("Bans", () => {
  it.effect("bans an address and port, not its neighbours", () =>
    Effect.gen(function* () {
      const bans = yield* Bans;
      assert.isFalse(bans.isBanned(at("10.0.0.1:1")));
      bans.ban(at("10.0.0.1:1"), "lied about piece 3");
      assert.isTrue(bans.isBanned(at("10.0.0.1:1")));
      assert.isFalse(bans.isBanned(at("10.0.0.1:2")));
      assert.isFalse(bans.isBanned(at("10.0.0.2:1")));
      assert.deepStrictEqual(bans.why(at("10.0.0.1:1")), Option.some("lied about piece 3"));
      assert.isTrue(Option.isNone(bans.why(at("10.0.0.1:2"))));
    }).pipe(Effect.provide(Bans.layer)),
  );

  it.effect("bans the whole address at its second convicted port", () =>
    Effect.gen(function* () {
      const bans = yield* Bans;
      bans.ban(at("[2001:db8::1]:1"), "a");
      bans.ban(at("[2001:db8::1]:1"), "again");
      assert.isFalse(bans.isBanned(at("[2001:db8::1]:3")));
      assert.strictEqual(bans.count(), 1);
      bans.ban(at("[2001:db8::1]:2"), "b");
      assert.isTrue(bans.isBanned(at("[2001:db8::1]:3")));
      assert.isFalse(bans.isBanned(at("[2001:db8::2]:3")));
    }).pipe(Effect.provide(Bans.layer)),
  );

  it.effect("takes mapped addresses for what they are", () =>
    Effect.gen(function* () {
      const bans = yield* Bans;
      bans.ban(at("[::ffff:10.0.0.1]:1"), "a");
      assert.isTrue(bans.isBanned(at("10.0.0.1:1")));
      bans.ban(at("10.0.0.1:2"), "b");
      assert.isTrue(bans.isBanned(at("[::ffff:10.0.0.1]:9")));
    }).pipe(Effect.provide(Bans.layer)),
  );

  it.effect("forgets the oldest beyond its bound", () =>
    Effect.gen(function* () {
      const bans = yield* Bans;
      bans.ban(at("10.0.0.1:1"), "first");
      bans.ban(at("10.0.0.1:2"), "second");
      for (let n = 0; n < MAX_BANS - 1; n++) bans.ban(at(`10.${1 + (n >>> 16)}.${(n >>> 8) & 255}.${n & 255}:1`), "x");
      assert.strictEqual(bans.count(), MAX_BANS);
      assert.isFalse(bans.isBanned(at("10.0.0.1:1")), "the first is forgotten, and with it the ban of the address");
      assert.isTrue(bans.isBanned(at("10.0.0.1:2")));
    }).pipe(Effect.provide(Bans.layer)),
  );
});
