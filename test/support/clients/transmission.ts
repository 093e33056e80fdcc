/** transmission-daemon as a peer. It waits about 13 s before it lets anybody fetch: let tests with it run side by side. */
import { Effect, Schedule, Schema, type Scope } from "effect";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "./folder.ts";
import type { Payload } from "./payload.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";
import type { Seeder } from "./seeder.ts";

const settings = (port: number, rpcPort: number) => ({
  "bind-address-ipv4": "127.0.0.1",
  "dht-enabled": false,
  "lpd-enabled": false,
  "pex-enabled": false,
  "utp-enabled": false,
  "port-forwarding-enabled": false,
  "peer-port": port,
  "rpc-bind-address": "127.0.0.1",
  "rpc-port": rpcPort,
  "rpc-authentication-required": false,
  "rpc-whitelist-enabled": false,
  "rename-partial-files": false,
});

/** `status` of a torrent that is shared. */
const SEEDING = 6;

const Torrents = Schema.Struct({
  arguments: Schema.Struct({
    torrents: Schema.Array(Schema.Struct({ status: Schema.Finite, percentDone: Schema.Finite })),
  }),
});

/** More of its settings, by its names. */
type Settings = Readonly<Record<string, unknown>>;

/** A daemon with one torrent, whose data is in `folder` or goes there. */
const daemon = (torrent: string, folder: string, more: Settings) =>
  Effect.gen(function* () {
    const home = yield* emptyFolder;
    const port = yield* freePort;
    const rpcPort = yield* freePort;
    writeFileSync(join(home, "settings.json"), JSON.stringify({ ...settings(port, rpcPort), ...more }));
    yield* start("transmission-daemon", ["--foreground", "--config-dir", home], { env: { HOME: home } });

    const headers: Record<string, string> = {};
    /** Retries until the daemon answers: the first answer names the session to use. */
    const call = (method: string, args: Readonly<Record<string, unknown>>) =>
      Effect.tryPromise(async () => {
        const response = await fetch(`http://127.0.0.1:${rpcPort}/transmission/rpc`, {
          method: "POST",
          headers,
          body: JSON.stringify({ method, arguments: args }),
        });
        headers["x-transmission-session-id"] = response.headers.get("x-transmission-session-id") ?? "";
        const text = await response.text();
        if (response.status !== 200) throw new Error(`status ${response.status}`);
        return JSON.parse(text) as unknown;
      }).pipe(Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 400 }), Effect.orDie);

    yield* call("torrent-add", { metainfo: readFileSync(torrent).toString("base64"), "download-dir": folder });
    const until = (look: (torrent: { readonly status: number; readonly percentDone: number }) => boolean) =>
      call("torrent-get", { fields: ["status", "percentDone"] }).pipe(
        Effect.flatMap(Schema.decodeUnknownEffect(Torrents)),
        Effect.orDie,
        Effect.repeat({
          schedule: Schedule.spaced("50 millis"),
          until: ({ arguments: { torrents } }) => torrents.some(look),
        }),
        Effect.asVoid,
      );
    return { address: `127.0.0.1:${port}`, until };
  });

/** Shares a payload. */
export const transmissionSeeder = (payload: Payload, more: Settings = {}): Effect.Effect<Seeder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { address, until } = yield* daemon(payload.torrent, payload.folder, more);
    yield* until(({ status }) => status === SEEDING);
    return { address };
  });

/** Fetches a torrent into a folder from those who dial it: itself it dials no address of loopback. */
export const transmissionLeecher = (
  torrent: string,
  folder: string,
  more: Settings = {},
): Effect.Effect<Seeder & { readonly finished: Effect.Effect<void> }, never, Scope.Scope> =>
  Effect.map(daemon(torrent, folder, more), ({ address, until }) => ({
    address,
    finished: until(({ percentDone }) => percentDone === 1),
  }));
