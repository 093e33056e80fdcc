/** `bt-effect create <path>`: makes a .torrent of a file or a folder. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import { payloadLength } from "../../schema/geometry.ts";
import type { TorrentInfo } from "../../schema/metainfo.ts";
import * as HashThreads from "../../services/HashThreads/workers.ts";
import * as StorageFiles from "../../services/Storage/files.ts";
import { create as createTorrent, type Created, type CreateOptions } from "../../streams/creating.ts";
import * as Text from "../display/text.ts";
import { withHashingLine } from "../hashingLine.ts";
import { magnetOf } from "../infoPage.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { type JsonResult, printResults } from "../results.ts";
import { canSave, saveBytes } from "../saving.ts";
import { Screen } from "../Screen/Screen.ts";
import { UsageError } from "../UsageError.ts";

/** Names that are to be changed and are shown, at the most. */
const SHOWN = 5;

/** What the command line says. */
export interface CreateInput extends OutputFlags {
  readonly path: string;
  readonly output: Option.Option<string>;
  readonly version: TorrentInfo["version"];
  readonly pieceLength: Option.Option<number>;
  readonly tracker: ReadonlyArray<ReadonlyArray<string>>;
  readonly webSeed: ReadonlyArray<string>;
  readonly private: boolean;
  readonly source: Option.Option<string>;
  readonly comment: Option.Option<string>;
  readonly noDate: boolean;
  readonly exclude: ReadonlyArray<string>;
}

/** What the command line asks for; `path` and `omit` are absolute. */
const optionsOf = (input: CreateInput, path: string, omit: string | undefined): CreateOptions => ({
  path,
  omit,
  exclude: input.exclude,
  version: input.version,
  trackers: input.tracker,
  webSeeds: input.webSeed,
  private: input.private,
  dated: !input.noDate,
  ...(Option.isSome(input.pieceLength) && { pieceLength: input.pieceLength.value }),
  ...(Option.isSome(input.source) && { source: input.source.value }),
  ...(Option.isSome(input.comment) && { comment: input.comment.value }),
});

/** The object for scripts. */
const data = ({ bytes, metainfo }: Created, output: string): JsonResult => ({
  type: "created",
  output,
  name: metainfo.info.name,
  version: metainfo.info.version,
  infoHash: metainfo.info.infoHash.hex,
  infoHashV1: metainfo.info.infoHashV1,
  infoHashV2: metainfo.info.infoHashV2,
  size: payloadLength(metainfo.info),
  files: metainfo.info.files.filter(({ pad }) => !pad).length,
  pieceLength: metainfo.info.pieceLength,
  pieceCount: metainfo.info.pieceCount,
  bytes: bytes.length,
  magnet: magnetOf(metainfo),
  renamed: metainfo.info.renamed,
});

/** The line for people. */
const line = ({ metainfo: { info } }: Created, output: string): string => {
  const files = info.files.filter(({ pad }) => !pad);
  const size = `${Text.count(files.length, "file")}, ${Text.size(payloadLength(info))}`;
  const pieces = `${Text.count(info.pieceCount, "piece")} of ${Text.size(info.pieceLength)}`;
  const hashes = [info.infoHashV1, info.infoHashV2].filter((hash) => hash !== undefined).join(", ");
  const where = output === "-" ? "" : `: ${output}`;
  return `${Text.printable(`${info.name}: ${size}, ${pieces}, ${hashes}${where}`)}\n`;
};

/** What those who make it are to know: files are not written under such names, so that these files are not found as they are called here. */
const renamedLines = ({ metainfo: { info } }: Created): string =>
  info.renamed.length === 0
    ? ""
    : [
        `bt-effect: warning: ${Text.count(info.renamed.length, "name")} will be changed by who downloads, seeds or verifies it:`,
        ...info.renamed.slice(0, SHOWN).map(({ from, to }) => `  ${Text.printable(`${from} -> ${to}`)}`),
        ...(info.renamed.length > SHOWN ? [`  and ${info.renamed.length - SHOWN} more; see bt-effect info`] : []),
      ]
        .map((text) => `${text}\n`)
        .join("");

/** Makes the torrent and writes it. */
export const create = (input: CreateInput) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const screen = yield* Screen;
    const named = path.resolve(input.path);
    const output = Option.getOrElse(input.output, () => `${path.basename(named)}.torrent`);
    if (input.json && output === "-")
      return yield* new UsageError({
        kind: "invalid",
        problem: "--json and -o - both want standard output",
        hint: "write the .torrent to a file",
      });
    yield* canSave(output);
    const omit = output === "-" ? undefined : path.resolve(output);
    const created = yield* withHashingLine(input, (onProgress) =>
      createTorrent({ ...optionsOf(input, named, omit), onProgress }),
    );
    yield* saveBytes(output, created.bytes);
    if (input.json) yield* printResults([data(created, output)]);
    else if (!input.quiet) screen.write(`${line(created, output)}${renamedLines(created)}`);
  }).pipe(Effect.provide([StorageFiles.layer, HashThreads.layer]), withOutput(input));
