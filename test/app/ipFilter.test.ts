import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { NetAddress } from "effect/net";
import { gzipSync } from "node:zlib";
import { readIpFilter } from "../../src/app/ipFilter.ts";
import { exitStatus } from "../../src/schema/errors/code.ts";
import { Bans } from "../../src/services/Bans.ts";

const fileOf = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* fs.makeTempFileScoped();
    yield* fs.writeFile(path, bytes);
    return path;
  });

const list = Buffer.from("one:1.2.3.0-1.2.3.255\n");

describe("--ip-filter", () => {
  for (const [kind, bytes] of [
    ["plain", list],
    ["packed", gzipSync(list)],
  ] as const) {
    it.effect(`reads a ${kind} list, whose addresses count as banned on any port`, () =>
      Effect.gen(function* () {
        const filter = yield* readIpFilter(yield* fileOf(bytes));
        yield* Effect.gen(function* () {
          const bans = yield* Bans;
          assert.isTrue(bans.isBanned(NetAddress.inetAddressFromStringUnsafe("1.2.3.4:6881")));
          assert.isFalse(bans.isBanned(NetAddress.inetAddressFromStringUnsafe("1.2.4.4:6881")));
        }).pipe(Effect.provide(Bans.layerWith(filter)));
      }).pipe(Effect.provide(NodeServices.layer)),
    );
  }

  it.effect("fails with the line, as a mistake of usage", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(readIpFilter(yield* fileOf(Buffer.from("1.1.1.1\nwhat?\n"))));
      assert.include(error.message, "line 2");
      assert.strictEqual(exitStatus(error), 2);
    }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("fails where there is no such file, or one that does not unpack", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(readIpFilter("/nowhere/list"));
      const broken = yield* Effect.flip(readIpFilter(yield* fileOf(Uint8Array.of(0x1f, 0x8b, 1, 2, 3))));
      assert.deepStrictEqual([missing.code, broken.code], ["usage.ip-filter", "usage.ip-filter"]);
    }).pipe(Effect.provide(NodeServices.layer)),
  );
});
