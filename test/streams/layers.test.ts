import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { ResumeStore } from "../../src/services/ResumeStore/ResumeStore.ts";
import { recallHashes } from "../../src/streams/layers.ts";
import { verify } from "../../src/streams/verifying.ts";
import { layerOf, makeTreeFixture } from "../support/trees.ts";
import { onMachine } from "./disk.ts";

const PIECE = 32_768;
const FILES = [
  ["a", 3 * PIECE + 1],
  ["b", 100],
  ["c", 2 * PIECE],
] as const;
const whole = makeTreeFixture(FILES, { version: "v2", pieceLength: PIECE });
const bare = makeTreeFixture(FILES, { version: "v2", pieceLength: PIECE, bare: true });
const { info } = bare.metainfo;

const layer = (name: string): Uint8Array => layerOf(bare.content.get(name) ?? new Uint8Array(0), PIECE);

describe("layers", () => {
  it.effect("outlive the run that learnt them, as far as they are whole", () =>
    onMachine(
      Effect.gen(function* () {
        const first = yield* recallHashes(info, undefined);
        assert.strictEqual(first.hashes.missing(), 6);
        assert.isDefined(first.hashes.learnLayer(0, { first: 0, nodes: layer("a") }));
        yield* first.save;
        const second = yield* recallHashes(info, undefined);
        assert.deepStrictEqual(second.hashes.incomplete(), [2]);
        assert.isDefined(second.hashes.learnLayer(2, { first: 0, nodes: layer("c") }));
        yield* second.save;
        assert.strictEqual((yield* recallHashes(info, undefined)).hashes.missing(), 0);
      }),
    ),
  );

  it.effect("are not written again when nothing was learnt, nor where the torrent brings them", () =>
    onMachine(
      Effect.gen(function* () {
        const store = yield* ResumeStore;
        const brought = yield* recallHashes(info, whole.metainfo.pieceLayers);
        assert.strictEqual(brought.hashes.missing(), 0);
        yield* brought.save;
        yield* (yield* recallHashes(info, undefined)).save;
        assert.isTrue((yield* store.loadLayers(info.infoHash))._tag === "None");
      }),
    ),
  );

  it.effect("count for nothing where they were damaged or are another torrent's", () =>
    onMachine(
      Effect.gen(function* () {
        const store = yield* ResumeStore;
        const nodes = new Uint8Array(32 * info.pieceCount);
        nodes.set(layer("a"));
        nodes.set(layer("c"), 5 * 32);
        nodes[40] = (nodes[40] ?? 0) ^ 1;
        yield* store.saveLayers(info.infoHash, nodes);
        assert.deepStrictEqual((yield* recallHashes(info, undefined)).hashes.incomplete(), [0]);
        yield* store.saveLayers(info.infoHash, nodes.subarray(0, 33));
        assert.deepStrictEqual((yield* recallHashes(info, undefined)).hashes.incomplete(), [0, 2]);
      }),
    ),
  );
});

describe("verifying a v2 torrent", () => {
  for (const { content, metainfo } of [whole, bare]) {
    const pieceLayers = metainfo.pieceLayers;
    const known = pieceLayers.size > 0;
    it.effect(
      `gives each file its verdict, ${known ? "piece by piece" : "as a whole where it has no piece layers"}`,
      () =>
        onMachine(
          Effect.gen(function* () {
            const disk = yield* MemoryDisk;
            for (const [name, bytes] of content) yield* disk.put(`/d/many/${name}`, bytes);
            const good = yield* verify({ info, pieceLayers, path: "/d/many" });
            assert.deepStrictEqual(
              good.files.map(({ status }) => status),
              ["good", "good", "good"],
            );
            const bytes = Uint8Array.from(content.get("a") ?? []);
            bytes[3 * PIECE] = (bytes[3 * PIECE] ?? 0) ^ 1;
            yield* disk.put("/d/many/a", bytes);
            yield* disk.put("/d/many/b", new Uint8Array(99));
            const { badPieces, files } = yield* verify({ info, pieceLayers, path: "/d/many" });
            assert.deepStrictEqual(
              files.map(({ status, badPieces: bad }) => [status, bad]),
              [
                ["damaged", known ? 1 : 4],
                ["short", 1],
                ["good", 0],
              ],
            );
            assert.strictEqual(badPieces, known ? 2 : 5);
          }),
        ),
    );
  }
});
