/** Files of many kinds that torrents are made of, and what the program tells of a torrent. */
import { Effect } from "effect";
import { emptyFolder } from "./folder.ts";
import { writeFiles } from "./payload.ts";
import { makeHome, runProgram } from "./program.ts";

const CONTENT = { "B.bin": 200_000, "ünï/ö": 30_000, "a.bin": 70_001, "c/empty": 0, "c/d.bin": 5, "c-d": 1 };

/** Files `album/…` in a folder of their own. */
export const album = Effect.gen(function* () {
  const folder = yield* emptyFolder;
  writeFiles({ folder, name: "album", content: CONTENT });
  return folder;
});

/** What `info --json` says of a file. */
export const infoOf = (file: string) =>
  Effect.gen(function* () {
    const { stdout } = yield* runProgram(yield* makeHome, ["info", "--json", file]);
    return JSON.parse(stdout);
  });
