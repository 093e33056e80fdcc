/** A DHT of libtorrent nodes (`lt_dht.py`). */
import { Effect, Schema, type Scope } from "effect";
import { join } from "node:path";
import type { Payload } from "./payload.ts";
import { start } from "./processes.ts";

const Line = Schema.fromJsonString(
  Schema.Struct({
    event: Schema.String,
    port: Schema.optional(Schema.Finite),
    address: Schema.optional(Schema.String),
  }),
);
const decode = Schema.decodeUnknownSync(Line);

/** Loopback, of one of the address families. */
export type Loopback = "127.0.0.1" | "[::1]";

/** The DHT under way. */
export interface LibtorrentDht {
  /** A node to join by. */
  readonly router: string;
  /** Waits until the nodes know of a peer of the payload at this port; any without one. */
  readonly knows: (port?: number) => Effect.Effect<void>;
}

/** Starts nodes; the last one shares the payload when `seed` is set. */
export const libtorrentDht = (
  host: Loopback,
  payload: Payload,
  options: { readonly seed: boolean },
): Effect.Effect<LibtorrentDht, never, Scope.Scope> =>
  Effect.gen(function* () {
    const job = {
      host,
      nodes: 20,
      watch: payload.infoHash,
      ...(options.seed && { source: payload.torrent, folder: payload.folder }),
    };
    const running = yield* start("/usr/bin/python3", [join(import.meta.dirname, "lt_dht.py"), JSON.stringify(job)]);
    const lines = () =>
      running
        .stdout()
        .split("\n")
        .slice(0, -1)
        .map((line) => decode(line));
    const port = yield* running.until(() => lines().find(({ event }) => event === "ready")?.port);
    return {
      router: `${host}:${port}`,
      knows: (port) =>
        Effect.asVoid(
          running.until(() => lines().find(({ address }) => address?.endsWith(port === undefined ? "" : `:${port}`))),
        ),
    };
  });
