/** Dante, the SOCKS5 proxy that Debian has (`dante-server`), on loopback; it relays UDP. */
import { Effect, Schedule, type Scope } from "effect";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { emptyFolder } from "./folder.ts";
import { freePort } from "./ports.ts";
import { type Running, start } from "./processes.ts";

/** The proxy. */
export interface Dante {
  readonly url: string;
  /** Starts it; it ends with the scope. */
  readonly run: Effect.Effect<Running, never, Scope.Scope>;
}

/** A proxy on a port of its own that is not started yet. */
export const dante: Effect.Effect<Dante, never, Scope.Scope> = Effect.gen(function* () {
  const config = join(yield* emptyFolder, "danted.conf");
  const port = yield* freePort;
  writeFileSync(
    config,
    `logoutput: stderr
internal: 127.0.0.1 port = ${port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 log: connect }
`,
  );
  const takes = Effect.tryPromise(async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
  });
  const run = Effect.tap(start("/usr/sbin/danted", ["-f", config]), () =>
    takes.pipe(Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 }), Effect.orDie),
  );
  return { url: `socks5://127.0.0.1:${port}`, run };
});
