import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { Events } from "../../src/services/Events.ts";
import { ResumeMachine } from "../../src/services/ResumeStore/memory.ts";
import { ResumeStore } from "../../src/services/ResumeStore/ResumeStore.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import type { ResumeRecord } from "../../src/schema/resume.ts";
import { openOutput } from "../../src/streams/output.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { onMachine, requestFor, torrentOf } from "./disk.ts";

const multi = torrentOf([
  { length: 10, path: ["a"] },
  { length: 6, pad: true },
  { length: 10, path: ["sub", "b"] },
]).info;
const single = torrentOf([{ length: 10, path: ["name"] }]).info;

const record: ResumeRecord = {
  version: 1,
  time: 0,
  bootId: "boot-1",
  clean: true,
  complete: false,
  pieceCount: 2,
  written: new Uint8Array(1),
  synced: new Uint8Array(1),
  partial: [],
  downloaded: 0,
  uploaded: 0,
};

const at = (info: typeof multi, change: Partial<DownloadRequest>) =>
  Effect.scoped(openOutput(info, requestFor(info, change)));
const rootOf = (info: typeof multi, out?: string) =>
  Effect.map(at(info, out === undefined ? {} : { out }), ({ key }) => key.root);

describe("output", () => {
  it.effect("takes the torrent's name in the folder by default", () =>
    onMachine(
      Effect.gen(function* () {
        assert.strictEqual(yield* rootOf(multi), "/d/name");
        const { layout } = yield* at(single, {});
        assert.deepStrictEqual([layout.root, ...layout.files.map(({ path }) => path)], ["/d/name", "/d/name"]);
      }),
    ),
  );

  it.effect("puts the torrent's folder in the place of out", () =>
    onMachine(
      Effect.gen(function* () {
        const { layout } = yield* at(multi, { out: "x/../there" });
        assert.strictEqual(layout.root, "/d/there");
        assert.deepStrictEqual(
          layout.files.map(({ path, kind }) => [path, kind]),
          [
            ["/d/there/a", "write"],
            ["/d/there/f1", "pad"],
            ["/d/there/sub/b", "write"],
          ],
        );
        assert.strictEqual(yield* rootOf(multi, "/abs"), "/abs");
      }),
    ),
  );

  it.effect("goes inside an out that is a folder, or is written like one", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* disk.put("/d/there/other", new Uint8Array(1));
        assert.strictEqual(yield* rootOf(multi, "there"), "/d/there/name");
        assert.strictEqual(yield* rootOf(single, "there"), "/d/there/name");
        assert.strictEqual(yield* rootOf(single, "new/"), "/d/new/name");
        assert.strictEqual(yield* rootOf(single, "new"), "/d/new");
      }),
    ),
  );

  it.effect("goes on in a folder that an earlier run made for this torrent", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        const store = yield* ResumeStore;
        yield* disk.put("/d/there/a", new Uint8Array(1));
        yield* store.save({ infoHash: multi.infoHash, root: "/d/there" }, record);
        assert.strictEqual(yield* rootOf(multi, "there"), "/d/there");
        assert.strictEqual(yield* rootOf(multi, "there/"), "/d/there");
        assert.strictEqual(yield* rootOf(torrentOf([{ length: 1 }, { length: 2 }]).info, "there"), "/d/there/name");
      }),
    ),
  );

  it.effect("uses names that are there in another normalisation", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        const name = "Café".normalize("NFC");
        const other = name.normalize("NFD");
        const { info } = torrentOf(
          [
            { length: 4, path: [name, `${name}.txt`] },
            { length: 4, path: [name, `new${name}`] },
          ],
          { name },
        );
        yield* disk.put(`/d/${other}/${other}/${other}.txt`, new Uint8Array(4));
        const { layout } = yield* at(info, {});
        assert.deepStrictEqual(
          layout.files.map(({ path }) => path),
          [`/d/${other}/${other}/${other}.txt`, `/d/${other}/${other}/new${name}`],
        );
      }),
    ),
  );

  it.effect("keeps aside what is not chosen, unless an earlier run had chosen it", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        const store = yield* ResumeStore;
        const select = [{ _tag: "Ranges", ranges: [[0, 0]] }] as const;
        const kinds = Effect.map(at(multi, { select }), ({ layout }) => layout.files.map(({ kind }) => kind));
        yield* disk.put("/d/name/sub/b", new Uint8Array(3));
        assert.deepStrictEqual(yield* kinds, ["write", "pad", "aside"]);
        yield* store.save({ infoHash: multi.infoHash, root: "/d/name" }, record);
        assert.deepStrictEqual(yield* kinds, ["write", "pad", "write"]);
        yield* store.save({ infoHash: multi.infoHash, root: "/d/name" }, { ...record, selected: [0] });
        assert.deepStrictEqual(yield* kinds, ["write", "pad", "aside"]);
      }),
    ),
  );

  it.effect("is had by one run at a time", () =>
    onMachine(
      Effect.gen(function* () {
        const first = yield* Scope.make();
        yield* Scope.provide(openOutput(multi, requestFor(multi)), first);
        assert.strictEqual((yield* Effect.flip(at(multi, {}))).code, "storage.busy");
        yield* Scope.close(first, Exit.void);
        yield* at(multi, {});
      }),
    ),
  );

  it.effect("does without a state folder and says so once", () =>
    onMachine(
      Effect.gen(function* () {
        yield* (yield* ResumeMachine).setUnusable(true);
        const output = yield* at(multi, { out: "there" });
        assert.isFalse(output.recording);
        const events = yield* Events;
        yield* events.publish({ type: "stopped", done: 0, total: 0 });
        const said = yield* Stream.runCollect(Stream.take(events.stream, 2));
        assert.deepStrictEqual(
          said.map((event) => (event.type === "warning" ? event.code : event.type)),
          ["resume.unusable", "stopped"],
        );
      }),
    ),
  );

  it.effect("ignores the record of a torrent of another shape", () =>
    onMachine(
      Effect.gen(function* () {
        yield* (yield* ResumeStore).save({ infoHash: multi.infoHash, root: "/d/name" }, { ...record, pieceCount: 3 });
        assert.strictEqual((yield* at(multi, {})).record._tag, "None");
      }),
    ),
  );

  it.effect("links within the torrent's folder", () =>
    onMachine(
      Effect.gen(function* () {
        const { info } = torrentOf([
          { length: 4, path: ["lib", "real"] },
          { length: 0, path: ["bin", "link"], symlink: ["lib", "real"] },
        ]);
        assert.strictEqual((yield* at(info, {})).layout.files[1]?.link, "../lib/real");
      }),
    ),
  );
});
