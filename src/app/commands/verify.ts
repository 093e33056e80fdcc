/** `bt-effect verify <torrent> <path>`: checks files on disk against a torrent and gives each a verdict. Writes nothing. */
import * as Effect from "effect/Effect";
import * as Path from "effect/Path";
import { DamagedError } from "../../schema/errors/DamagedError.ts";
import { payloadLength } from "../../schema/geometry.ts";
import type { TorrentInfo } from "../../schema/metainfo.ts";
import * as HashThreads from "../../services/HashThreads/workers.ts";
import * as StorageFiles from "../../services/Storage/files.ts";
import {
  type FileStatus,
  type FileVerdict,
  type Verification,
  verify as verifyFiles,
} from "../../streams/verifying.ts";
import * as Text from "../display/text.ts";
import { withHashingLine } from "../hashingLine.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { type JsonResult, printResults } from "../results.ts";
import { Screen } from "../Screen/Screen.ts";
import { readTorrent } from "../source.ts";

/** What the command line says. */
export interface VerifyInput extends OutputFlags {
  readonly torrent: string;
  readonly path: string;
}

/** Cells of the column of verdicts. */
const STATUS_CELLS = 10;

const explanation: Readonly<Record<FileStatus, (file: FileVerdict) => string>> = {
  good: () => "",
  missing: () => "",
  short: ({ found, size }) => ` (${found} of ${size} bytes)`,
  long: ({ found, size }) => ` (${found} bytes, should be ${size})`,
  damaged: ({ badPieces, pieces }) => ` (${badPieces} of ${Text.count(pieces, "piece")})`,
  doubtful: () => " (shares a bad piece with its neighbours)",
};

/** A line per file. */
const verdictPage = (files: ReadonlyArray<FileVerdict>): string =>
  files
    .map(
      (file) => `${Text.pad(file.status, STATUS_CELLS)}${Text.printable(file.path)}${explanation[file.status](file)}\n`,
    )
    .join("");

/** A line of JSON per file, and one for the whole. */
const verdictData = (name: string, { files, ...whole }: Verification): ReadonlyArray<JsonResult> => [
  ...files.map((file) => ({ type: "file", ...file })),
  { type: "verified", name, ...whole, files: files.length, badFiles: badFilesOf(files) },
];

const badFilesOf = (files: ReadonlyArray<FileVerdict>): number =>
  files.filter(({ status }) => status !== "good").length;

/** The error that tells of damage; absent where all is good. */
const damageOf = (info: TorrentInfo, { badPieces, files, pieces, root }: Verification): DamagedError | undefined => {
  const badFiles = badFilesOf(files);
  return badFiles === 0
    ? undefined
    : new DamagedError({ name: info.name, path: root, badFiles, files: files.length, badPieces, pieces });
};

/** Checks, and fails with a `DamagedError` where something is not as it should be. */
export const verify = (input: VerifyInput) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const screen = yield* Screen;
    const { info, pieceLayers } = (yield* readTorrent(input.torrent)).metainfo;
    const named = path.resolve(input.path);
    const verification = yield* withHashingLine(input, (onProgress) =>
      verifyFiles({ info, pieceLayers, path: named, onProgress }),
    );
    const damage = damageOf(info, verification);
    if (input.json) yield* printResults(verdictData(info.name, verification));
    else if (!input.quiet || damage !== undefined) screen.print(verdictPage(verification.files));
    if (damage !== undefined) return yield* damage;
    const files = Text.count(verification.files.length, "file");
    if (!input.json && !input.quiet)
      screen.write(`${Text.printable(info.name)}: ${files}, ${Text.size(payloadLength(info))}, all good\n`);
  }).pipe(Effect.provide([StorageFiles.layer, HashThreads.layer]), withOutput(input));
