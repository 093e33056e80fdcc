/** aria2 as a peer. */
import { Effect, type Scope } from "effect";
import { emptyFolder } from "./folder.ts";
import type { Payload } from "./payload.ts";
import { freePort } from "./ports.ts";
import { type Running, start } from "./processes.ts";
import type { Seeder } from "./seeder.ts";

const QUIET = [
  "--no-conf",
  "--file-allocation=none",
  "--enable-dht=false",
  "--enable-dht6=false",
  "--bt-enable-lpd=false",
  "--enable-peer-exchange=false",
  "--disable-ipv6=true",
  "--async-dns=false",
  "--console-log-level=notice",
  "--summary-interval=0",
  `--stop-with-process=${process.pid}`,
];

/** Shares a payload; `args` are more options of its command line. */
export const aria2Seeder = (
  payload: Payload,
  args: ReadonlyArray<string> = [],
): Effect.Effect<Seeder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort;
    const home = yield* emptyFolder;
    const running = yield* start(
      "aria2c",
      [
        ...QUIET,
        `--dir=${payload.folder}`,
        `--listen-port=${port}`,
        "--seed-ratio=0.0",
        "--check-integrity=true",
        ...args,
        payload.torrent,
      ],
      { env: { HOME: home } },
    );
    yield* running.prints(/listening on TCP port/);
    return { address: `127.0.0.1:${port}` };
  });

/** Fetches a torrent into a folder from whom its tracker names, and ends. */
export const aria2Leecher = (
  torrent: string,
  folder: string,
  args: ReadonlyArray<string> = [],
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort;
    const home = yield* emptyFolder;
    const own = [`--dir=${folder}`, `--listen-port=${port}`, "--seed-time=0"];
    return yield* start("aria2c", [...QUIET, ...own, ...args, torrent], { env: { HOME: home } });
  });
