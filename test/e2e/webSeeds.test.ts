import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { httpSeed } from "../support/clients/httpSeed.ts";
import { nginx } from "../support/clients/nginx.ts";
import { assertSame, makePayload, type PayloadOptions, writeFiles } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";

const content = { "a b/ü – 100 %.bin": 300_001, "a b/empty": 0, "c#?&.txt": 17, "d/e/f+g": 700_000 };

/** A payload that nginx serves from its own folder. */
const served = (options: Pick<PayloadOptions, "content" | "name"> & { readonly slash?: string }) =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    const server = yield* nginx(folder);
    const base = `${server.url}${options.slash ?? "/"}`;
    const payload = yield* makePayload({ ...options, folder, pieceLength: 32_768, webSeeds: [base] });
    return { payload, server };
  });

describeClients("web seeds of nginx, with no peer at all", ["nginx"], () => {
  for (const slash of ["/", ""]) {
    it.live(`give files in folders with spaces and other letters, from a URL that ends in "${slash}"`, () =>
      Effect.gen(function* () {
        const home = yield* makeHome;
        const { payload, server } = yield* served({ name: "many files", content, slash });
        const { status, stderr, stdout } = yield* runProgram(home, [payload.torrent, "--port", "0", "--json"]);
        assert.strictEqual(stderr, "");
        assert.strictEqual(status, 0);
        assertSame(payload, home.out(payload.name));
        assert.strictEqual(eventsOfType(stdout, "complete")[0]?.downloaded, payload.size);
        assert.notMatch(server.log().trim(), /^(?!206)/m);
      }),
    );
  }

  it.live("give one large file in a few long ranges", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const { payload, server } = yield* served({ name: "large.bin", content: 40_000_000 });
      const { status } = yield* runProgram(home, [payload.torrent, "--port", "0", "--quiet"]);
      assert.strictEqual(status, 0);
      assertSame(payload, home.out(payload.name));
      // Of 1,221 pieces: ranges grow as they are answered quickly, which a busy machine does not always do.
      assert.isAtMost(server.log().trim().split("\n").length, 60);
    }),
  );

  it.live("are not asked with --no-web-seeds", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const { payload, server } = yield* served({ name: "one.bin", content: 40_000 });
      const { status } = yield* runProgram(home, [payload.torrent, "--no-web-seeds", "--port", "0"]);
      assert.strictEqual(status, 5);
      assert.strictEqual(server.log(), "");
    }),
  );

  it.live("without the file end in words, not in silence", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* emptyFolder;
      const server = yield* nginx(folder);
      const elsewhere = yield* emptyFolder;
      const options = { name: "gone.bin", content: 40_000, pieceLength: 32_768, webSeeds: [`${server.url}/x.bin`] };
      const payload = yield* makePayload({ ...options, folder: elsewhere });
      const { status, stdout } = yield* runProgram(home, [payload.torrent, "--port", "0", "--timeout", "3s", "--json"]);
      assert.strictEqual(status, 5);
      assert.include(
        eventsOfType(stdout, "warning").map(({ code }) => code),
        "web-seed.missing",
      );
    }),
  );

  it.live("that lie are banned, and the other gives all", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const { payload, server } = yield* served({ name: "true.bin", content: 2_000_000 });
      const liar = join(payload.folder, "false.bin");
      writeFileSync(liar, new Uint8Array(2_000_000));
      yield* makePayload({
        folder: payload.folder,
        name: payload.name,
        pieceLength: 32_768,
        content: 2_000_000,
        webSeeds: [`${server.url}/false.bin`, `${server.url}/`],
      });
      const { status } = yield* runProgram(home, [payload.torrent, "--port", "0", "--quiet"]);
      assert.strictEqual(status, 0);
      assertSame(payload, home.out(payload.name));
    }),
  );
});

describe("a web seed of BEP 17", () => {
  it.live("gives pieces, after it was busy", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* emptyFolder;
      const plan = { folder, name: "pieces.bin", content: 1_000_000, pieceLength: 65_536 };
      writeFiles(plan);
      const seed = yield* httpSeed(readFileSync(join(folder, plan.name)), plan.pieceLength);
      const payload = yield* makePayload({ ...plan, httpSeeds: [seed.url] });
      const { status } = yield* runProgram(home, [payload.torrent, "--port", "0", "--quiet"]);
      assert.strictEqual(status, 0);
      assertSame(payload, home.out(payload.name));
      assert.strictEqual(seed.asked.length, 17);
    }),
  );
});
