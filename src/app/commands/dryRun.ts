/** `bt-effect --dry-run <torrent> [out]`: shows what a download would do. Writes nothing, and asks nobody but for the metadata of a magnet link. */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import type { TorrentInfo } from "../../schema/metainfo.ts";
import * as ResumeStore from "../../services/ResumeStore/files.ts";
import * as StorageFiles from "../../services/Storage/files.ts";
import { preview } from "../../streams/previewing.ts";
import type { DownloadRequest } from "../../streams/request.ts";
import { withOutput } from "../output.ts";
import { previewPage } from "../previewPage.ts";
import { printResults } from "../results.ts";
import { Screen } from "../Screen/Screen.ts";
import { readSource } from "../source.ts";
import { askedRequest, type DownloadInput } from "./download.ts";

/** What would be fetched of a magnet link; its metadata comes from peers, and is kept as a download keeps it. */
const learnt = (input: DownloadInput) =>
  Effect.gen(function* () {
    const { transfer } = yield* Effect.promise(() => import("../transfer.ts"));
    const { fetchMetadata } = yield* Effect.promise(() => import("../../streams/download.ts"));
    const known = yield* Deferred.make<readonly [info: TorrentInfo, request: DownloadRequest]>();
    yield* transfer(
      input,
      (given, learn) => askedRequest(input, given, learn),
      (request, stop) =>
        fetchMetadata(
          request,
          { layers: false, learned: (info) => Effect.asVoid(Deferred.succeed(known, [info, request])) },
          stop,
        ),
    );
    return yield* Deferred.await(known);
  });

/** Prints the page, or with `--json` one line after the events of the metadata, on stdout. */
export const dryRun = (input: DownloadInput) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const screen = yield* Screen;
    const source = yield* readSource(input.torrent, Option.getOrUndefined(input.proxy));
    const known = (info: TorrentInfo) => {
      const given = { source, folder: path.resolve("."), port: Option.getOrElse(input.port, () => 0) };
      return Effect.map(
        askedRequest(input, given, () => Effect.succeed(info)),
        (request) => [info, request] as const,
      );
    };
    const [info, request] = yield* source._tag === "Magnet" ? learnt(input) : known(source.metainfo.info);
    const seen = yield* preview(info, request);
    if (input.json) yield* printResults([{ type: "preview", ...seen }]);
    else screen.print(previewPage(seen));
  }).pipe(Effect.provide(Layer.mergeAll(StorageFiles.layer, ResumeStore.layerDefault)), withOutput(input));
