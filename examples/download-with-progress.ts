/**
 * Downloads a torrent and says how far it is. The events of the download are a Stream: take what you need, ignore the rest.
 *
 *   node examples/download-with-progress.ts <file.torrent> [folder]
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { download, Hasher, Live, parseMetainfo, request } from "bt-effect";
import { Console, Effect, Stream } from "effect";

const program = Effect.gen(function* () {
  const [torrent = "", folder = "."] = process.argv.slice(2);
  const metainfo = yield* Effect.fromResult(parseMetainfo(readFileSync(torrent), yield* Hasher));
  const events = download(request({ _tag: "Metainfo", metainfo }, resolve(folder)));

  yield* Stream.runForEach(events, (event) => {
    switch (event.type) {
      case "progress":
        return Console.log(`${event.done} of ${event.total} bytes from ${event.peers} peers`);
      case "complete":
        return Console.log(`${event.output}: ${event.size} bytes in ${event.seconds.toFixed(1)} s`);
      default:
        return Effect.void;
    }
  });
});

await Effect.runPromise(Effect.provide(program, Live.layer({ noPortMapping: true })));
