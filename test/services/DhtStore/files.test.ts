import { assert, describe, it } from "@effect/vitest";
import { Effect, Option } from "effect";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SavedTable } from "../../../src/schema/dhtTable.ts";
import { DhtStore } from "../../../src/services/DhtStore/DhtStore.ts";
import * as Files from "../../../src/services/DhtStore/files.ts";
import { inet } from "../../support/dht.ts";

const table: SavedTable = new Map([
  ["IPv4", { id: new Uint8Array(20).fill(1), nodes: [{ id: new Uint8Array(20).fill(2), address: inet("1.2.3.4:5") }] }],
]);

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "bt-effect-dht-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
);

describe("DhtStore in files", () => {
  it.live("gives what was saved, to another run, and leaves one private file", () =>
    Effect.gen(function* () {
      const state = join(yield* folder, "state");
      const use = <A>(f: (store: DhtStore["Service"]) => Effect.Effect<A>) =>
        DhtStore.use(f).pipe(Effect.provide(Files.layer(state)));
      assert.deepStrictEqual(yield* use((store) => store.load), Option.none());
      yield* use((store) => store.save(table));
      yield* use((store) => store.save(table));
      assert.deepStrictEqual(yield* use((store) => store.load), Option.some(table));
      assert.deepStrictEqual(readdirSync(state), ["dht"]);
      assert.strictEqual(statSync(join(state, "dht")).mode & 0o777, 0o600);
    }),
  );

  it.live("does without what is damaged, too long, or cannot be written", () =>
    Effect.gen(function* () {
      const state = yield* folder;
      for (const bytes of [new Uint8Array(0), new Uint8Array(100), new Uint8Array(1_000_000).fill(0x64)]) {
        writeFileSync(join(state, "dht"), bytes);
        const loaded = yield* DhtStore.use((store) => store.load).pipe(Effect.provide(Files.layer(state)));
        assert.deepStrictEqual(loaded, Option.none());
      }
      writeFileSync(join(state, "file"), "");
      // The system says of /proc, which is there, that it is missing when a folder is to be made in it.
      for (const under of [join(state, "file", "under"), "/proc/none/under"])
        yield* DhtStore.use((store) => store.save(table)).pipe(Effect.provide(Files.layer(under)));
    }),
  );
});
