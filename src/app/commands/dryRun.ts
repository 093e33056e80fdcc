/** `bt-effect --dry-run <torrent> [out]`: shows what a download would do. Writes nothing and asks nobody. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import * as ResumeStore from "../../services/ResumeStore/files.ts";
import * as StorageFiles from "../../services/Storage/files.ts";
import { preview } from "../../streams/previewing.ts";
import { withOutput } from "../output.ts";
import { previewPage } from "../previewPage.ts";
import { Screen } from "../Screen/Screen.ts";
import { readSource } from "../source.ts";
import { SourceError } from "../SourceError.ts";
import { askedRequest, type DownloadInput } from "./download.ts";

/** Prints the page, or with `--json` one object, on stdout. */
export const dryRun = (input: DownloadInput) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const screen = yield* Screen;
    const source = yield* readSource(input.torrent, Option.getOrUndefined(input.proxy));
    if (source._tag === "Magnet")
      return yield* new SourceError({
        name: source.magnet.name ?? source.magnet.infoHash.hex,
        reason: { _tag: "OnlyLink" },
      });
    const port = Option.getOrElse(input.port, () => 0);
    const given = { source, folder: path.resolve("."), port };
    const request = yield* askedRequest(input, given, () => Effect.succeed(source.metainfo.info));
    const seen = yield* preview(source.metainfo.info, request);
    screen.print(input.json ? `${JSON.stringify({ type: "preview", ...seen })}\n` : previewPage(seen));
  }).pipe(Effect.provide(Layer.mergeAll(StorageFiles.layer, ResumeStore.layerDefault)), withOutput(input));
