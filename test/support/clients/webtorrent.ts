/** webtorrent as a peer: the one that the benchmark has in its own folder. */
import type { Effect, Scope } from "effect";
import { join } from "node:path";
import { type Running, start } from "./processes.ts";

const bench = join(import.meta.dirname, "../../../bench");

/** Fetches a torrent into a folder from whom its tracker names, and ends. */
export const webtorrentLeecher = (torrent: string, folder: string): Effect.Effect<Running, never, Scope.Scope> =>
  start(process.execPath, [join(bench, "programs/leech_webtorrent.mjs"), torrent, folder]);
