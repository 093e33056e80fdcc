/** opentracker, over HTTP and UDP. */
import { Effect, Schedule, type Scope } from "effect";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";

/** Where it is asked. */
export interface OpenTracker {
  readonly http: string;
  readonly udp: string;
}

/** Starts it for these info-hashes (hex): Debian's build knows no others. */
export const openTracker = (infoHashes: ReadonlyArray<string>): Effect.Effect<OpenTracker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    // Started as root it reads the list as nobody.
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "allowed"), infoHashes.map((hash) => `${hash}\n`).join(""));
    const port = yield* freePort;
    const at = ["-i", "127.0.0.1", "-p", String(port), "-P", String(port)];
    yield* start("/usr/bin/opentracker", [...at, "-d", folder, "-w", "allowed"], { cwd: folder });
    const http = `http://127.0.0.1:${port}/announce`;
    // It listens before it has read the list: ready is when it takes somebody who leaves, and nobody is there then either.
    const [hash = ""] = infoHashes;
    const query = `info_hash=${hash.replace(/../g, "%$&")}&port=9&left=0&uploaded=0&downloaded=0&event=stopped`;
    const ready = Effect.tryPromise(async () => {
      const answer = await fetch(`${http}?${query}`);
      const text = await answer.text();
      if (hash !== "" && text.includes("failure reason")) throw new Error(text);
    });
    yield* ready.pipe(Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 }), Effect.orDie);
    return { http, udp: `udp://127.0.0.1:${port}/announce` };
  });
