/** nginx as Debian has it, serving one folder. */
import { Effect, type Scope } from "effect";
import { request } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";

/** What is asked to see whether it is up; not in the log, which is written only after the answer. */
const READY = "/.ready";

const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    request({ host, port, path: READY, agent: false }, (response) => {
      response.resume();
      resolve(true);
    })
      .on("error", () => resolve(false))
      .end();
  });

/** A web server under way. */
export interface WebServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** A line for each request so far: status and path. */
  readonly log: () => string;
}

/** Serves `root` on an address until the scope ends. */
export const nginx = (root: string, host = "127.0.0.1"): Effect.Effect<WebServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    const port = yield* freePort;
    const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const config = join(folder, "nginx.conf");
    const log = join(folder, "access.log");
    writeFileSync(log, "");
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${join(folder, name)};`)
      .join("\n");
    writeFileSync(
      config,
      `daemon off; master_process off; worker_processes 1; pid ${join(folder, "pid")}; error_log stderr;
events { worker_connections 64; }
http {
  ${temporary}
  log_format short '$status $request_uri';
  access_log ${log} short;
  server { listen ${at}; root ${root}; location = ${READY} { access_log off; return 204; } }
}`,
    );
    const running = yield* start("/usr/sbin/nginx", ["-c", config, "-e", "stderr", "-p", folder]);
    const ready = Effect.gen(function* () {
      while (!(yield* Effect.promise(() => answers(host, port)))) yield* Effect.sleep("50 millis");
    });
    const ended = Effect.flatMap(running.ended, () => Effect.die(new Error(`nginx ended: ${running.stderr()}`)));
    yield* Effect.raceFirst(ready, ended);
    return { url: `http://${at}`, log: () => readFileSync(log, "utf8") };
  });
