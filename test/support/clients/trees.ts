/** Files in folders and their torrent of any version, as libtorrent makes it. */
import { Effect } from "effect";
import { join } from "node:path";
import { emptyFolder } from "./folder.ts";
import { createTorrent } from "./libtorrent.ts";
import { type Payload, writeFiles } from "./payload.ts";

/** The name of the torrents and of their folders. */
export const treeName = "trees";

/** What is made. */
export interface TreesOptions {
  /** Bytes of the files by their paths. */
  readonly content: Readonly<Record<string, number>>;
  readonly pieceLength: number;
  readonly version: "1" | "2" | "hybrid";
}

/** Makes files, the same whatever the version, and their torrent in a folder of their own. */
export const makeTrees = ({ content, pieceLength, version }: TreesOptions) =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    writeFiles({ folder, name: treeName, content });
    const torrent = join(folder, `${treeName}.torrent`);
    yield* createTorrent({ folder, name: treeName, source: torrent, pieceLength, version });
    const size = Object.values(content).reduce((sum, length) => sum + length, 0);
    const payload: Payload = { name: treeName, folder, torrent, infoHash: "", size };
    return payload;
  });
