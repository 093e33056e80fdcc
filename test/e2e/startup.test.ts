/** What a start costs is held by what is loaded, which is the same on every machine, not by a time. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";
import { writeFiles } from "../support/clients/payload.ts";
import { makeHome, runProgram } from "../support/clients/program.ts";

/** Modules of Node that cost milliseconds each, and that a download without an HTTP tracker has no use for. */
const UNUSED = ["readline", "http", "https", "tls", "worker_threads", "internal/deps/undici/undici", "dns/promises"];

describe("a start", () => {
  it.live("loads no module of Node that the run does not use", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const torrent = join(home.folder, "x.torrent");
      writeFiles({ folder: home.folder, name: "x", content: { a: 40_000 } });
      assert.strictEqual((yield* runProgram(home, ["create", join(home.folder, "x"), "-o", torrent])).status, 0);
      const spy = join(home.folder, "spy.mjs");
      const list = join(home.folder, "list");
      writeFileSync(
        spy,
        `import { writeFileSync } from "node:fs";
        process.on("exit", () => writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join("\\n")));`,
      );
      const { status, stderr } = yield* runProgram(home, [torrent, "--no-trackers"], {
        env: { NODE_OPTIONS: `--import=${pathToFileURL(spy).href}` },
      });
      assert.strictEqual(status, 0, stderr);
      const loaded = new Set(readFileSync(list, "utf8").split("\n"));
      assert.isTrue(loaded.has("NativeModule net"), "the list is none");
      assert.deepStrictEqual(
        UNUSED.filter((name) => loaded.has(`NativeModule ${name}`)),
        [],
      );
    }),
  );

  it.live("runs from the code cache that the first one left", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      yield* runProgram(home, ["info", "nowhere.torrent"]);
      const names = readdirSync(join(inject("program"), "cache/bt-effect/code"));
      assert.isTrue(
        names.some((name) => name.startsWith("program-")),
        names.join(),
      );
    }),
  );
});
