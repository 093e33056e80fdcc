/** aria2 as a seeder. */
import { Effect, type Scope } from "effect";
import { emptyFolder } from "./folder.ts";
import type { Payload } from "./payload.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";
import type { Seeder } from "./seeder.ts";

/** Shares a payload. */
export const aria2Seeder = (payload: Payload): Effect.Effect<Seeder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* freePort;
    const home = yield* emptyFolder;
    const running = yield* start(
      "aria2c",
      [
        "--no-conf",
        `--dir=${payload.folder}`,
        `--listen-port=${port}`,
        "--seed-ratio=0.0",
        "--check-integrity=true",
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
        payload.torrent,
      ],
      { env: { HOME: home } },
    );
    yield* running.prints(/listening on TCP port/);
    return { address: `127.0.0.1:${port}` };
  });
