/** What every ResumeStore must do; run by the test of each Layer. */
import { assert, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import { createHash } from "node:crypto";
import { fromBytes, type InfoHash } from "../../../src/schema/infoHash.ts";
import type { ResumeRecord } from "../../../src/schema/resume.ts";
import type { ResumeStore } from "../../../src/services/ResumeStore/ResumeStore.ts";

/** The info-hash of some bytes. */
export const hashOf = (bytes: Uint8Array): InfoHash =>
  Option.getOrThrow(fromBytes(createHash("sha1").update(bytes).digest()));

/** A record worth keeping. */
export const record: ResumeRecord = {
  version: 1,
  time: 1_700_000_000_000,
  bootId: "boot",
  clean: true,
  complete: false,
  pieceCount: 10,
  written: Uint8Array.of(0b1110_0000, 0b0100_0000),
  synced: Uint8Array.of(0b1010_0000, 0),
  partial: [{ index: 4, blocks: Uint8Array.of(0x80) }],
  downloaded: 12,
  uploaded: 0,
};

/** Adds the cases. */
export const contract = (bench: Effect.Effect<ResumeStore["Service"], never, Scope.Scope>): void => {
  const infoHash = hashOf(Uint8Array.of(1));
  const key = { infoHash, root: "/tmp/bt-effect-none/out" };

  it.live("keeps a record per torrent and output, and the outputs of a torrent", () =>
    Effect.gen(function* () {
      const store = yield* bench;
      assert.isTrue(Option.isNone(yield* store.load(key)));
      assert.deepStrictEqual(yield* store.roots(infoHash), []);
      yield* store.save(key, record);
      yield* store.save({ ...key, root: "/tmp/bt-effect-none/other" }, { ...record, downloaded: 1 });
      yield* store.save(key, { ...record, downloaded: 13 });
      assert.deepStrictEqual(Option.getOrUndefined(yield* store.load(key)), { ...record, downloaded: 13 });
      assert.isTrue(Option.isNone(yield* store.load({ ...key, infoHash: hashOf(Uint8Array.of(2)) })));
      assert.deepStrictEqual([...(yield* store.roots(infoHash))].sort(), [
        "/tmp/bt-effect-none/other",
        "/tmp/bt-effect-none/out",
      ]);
      assert.notStrictEqual(store.asidePath(key), store.asidePath({ ...key, root: "/" }));
    }).pipe(Effect.scoped),
  );

  it.live("keeps a magnet's metadata", () =>
    Effect.gen(function* () {
      const store = yield* bench;
      assert.isTrue(Option.isNone(yield* store.loadInfo(infoHash)));
      yield* store.saveInfo(infoHash, Uint8Array.of(1));
      assert.deepStrictEqual([...Option.getOrThrow(yield* store.loadInfo(infoHash))], [1]);
    }).pipe(Effect.scoped),
  );

  it.live("keeps piece layers by info-hash", () =>
    Effect.gen(function* () {
      const store = yield* bench;
      assert.isTrue(Option.isNone(yield* store.loadLayers(infoHash)));
      const nodes = Uint8Array.from({ length: 64 }, (_, at) => at);
      yield* store.saveLayers(infoHash, nodes);
      const expected = Uint8Array.from(nodes);
      nodes.fill(0);
      assert.deepStrictEqual(Uint8Array.from(Option.getOrThrow(yield* store.loadLayers(infoHash))), expected);
    }).pipe(Effect.scoped),
  );

  it.live("locks an output for as long as the scope lives", () =>
    Effect.gen(function* () {
      const store = yield* bench;
      const scope = yield* Scope.make();
      yield* store.lock(key.root).pipe(Scope.provide(scope));
      const second = yield* Effect.flip(Effect.scoped(store.lock(key.root)));
      assert.strictEqual(second.code, "storage.busy");
      yield* Effect.scoped(store.lock("/tmp/bt-effect-none/other"));
      yield* Scope.close(scope, Exit.void);
      yield* Effect.scoped(store.lock(key.root));
    }).pipe(Effect.scoped),
  );
};
