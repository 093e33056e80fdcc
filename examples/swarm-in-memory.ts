/**
 * How to test a program that downloads: a seeder and two leechers on a network in memory, under a clock that the test turns. Nothing of it
 * touches the machine, and ten minutes pass at once.
 *
 *   node examples/swarm-in-memory.ts
 */
import { deepStrictEqual } from "node:assert";
import { hash } from "node:crypto";
import { download, Hasher, parseMetainfo, request, type Metainfo } from "bt-effect";
import { encode } from "bt-effect/schema/bencode";
import * as Dictionary from "bt-effect/schema/dictionary";
import { Memory, MemoryDisk, MemoryNetwork, MemoryTrackers } from "bt-effect/testing";
import { Console, Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";

const payload = new Uint8Array(300_000).map((_, at) => at % 251);
const pieceLength = 65_536;
const pieces = Buffer.concat(
  Array.from({ length: Math.ceil(payload.length / pieceLength) }, (_, index) =>
    hash("sha1", payload.subarray(index * pieceLength, (index + 1) * pieceLength), "buffer"),
  ),
);
const torrent = encode(
  Dictionary.make({
    announce: Dictionary.fromText("http://tracker.test/announce"),
    info: Dictionary.make({
      length: payload.length,
      name: Dictionary.fromText("payload.bin"),
      "piece length": pieceLength,
      pieces,
    }),
  }),
);

/** A client that has the payload already and shares it. */
const seed = (metainfo: Metainfo) =>
  Effect.gen(function* () {
    const disk = yield* MemoryDisk;
    yield* disk.put("/downloads/payload.bin", payload);
    yield* Stream.runDrain(download({ ...request({ _tag: "Metainfo", metainfo }, "/downloads"), seed: true }));
  });

/** A client that fetches the payload; what is on its disk afterwards. */
const leech = (metainfo: Metainfo) =>
  Effect.gen(function* () {
    const disk = yield* MemoryDisk;
    yield* Stream.runDrain(download(request({ _tag: "Metainfo", metainfo }, "/downloads")));
    return yield* disk.get("/downloads/payload.bin");
  });

const program = Effect.gen(function* () {
  const metainfo = yield* Effect.fromResult(parseMetainfo(torrent, yield* Hasher));
  const network = yield* MemoryNetwork.make({ latency: "25 millis" });
  yield* Effect.forkScoped(Effect.provide(seed(metainfo), Memory.layer(network, "10.0.0.1")));
  yield* TestClock.adjust("1 second");
  const leeches = yield* Effect.forkScoped(
    Effect.all(
      [
        Effect.provide(leech(metainfo), Memory.layer(network, "10.0.0.2")),
        Effect.provide(leech(metainfo), Memory.layer(network, "10.0.0.3")),
      ],
      { concurrency: "unbounded" },
    ),
  );
  yield* TestClock.adjust("10 minutes");
  deepStrictEqual(yield* Fiber.join(leeches), [payload, payload]);
  yield* Console.log("two leechers have what the seeder had");
});

await Effect.runPromise(
  Effect.scoped(program).pipe(Effect.provide(Layer.mergeAll(MemoryTrackers.layer, Hasher.layer, TestClock.layer()))),
);
