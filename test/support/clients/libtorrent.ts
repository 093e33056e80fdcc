/** libtorrent as a peer (`lt_peer.py`). */
import { Effect, Schema, type Scope } from "effect";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Running, start } from "./processes.ts";
import type { Payload } from "./payload.ts";
import type { Seeder } from "./seeder.ts";

const python = "/usr/bin/python3";
const script = join(import.meta.dirname, "lt_peer.py");

/** What the peer prints. */
const Line = Schema.fromJsonString(
  Schema.Struct({
    event: Schema.String,
    port: Schema.optional(Schema.Finite),
    uploaded: Schema.optional(Schema.Finite),
    verified: Schema.optional(Schema.Finite),
    failed: Schema.optional(Schema.Finite),
  }),
);
const decode = Schema.decodeUnknownSync(Line);

const linesOf = (running: Running) =>
  running
    .stdout()
    .split("\n")
    .slice(0, -1)
    .map((line) => decode(line));

/** Payload bytes that a peer gave, and of those that it got: how many passed its check and how many did not. */
export interface Report {
  readonly uploaded: number;
  readonly verified: number;
  readonly failed: number;
}

/** A libtorrent peer under way. */
export interface LibtorrentPeer extends Seeder {
  readonly running: Running;
  /** Its download is complete. */
  readonly finished: Effect.Effect<void>;
  /** It has got something: whom it gets that from it tells others of. */
  readonly begun: Effect.Effect<void>;
  /** What it last said of itself, later than now. */
  readonly report: Effect.Effect<Report>;
  /** A tracker answered it. */
  readonly announced: Effect.Effect<void>;
}

/** What the peer is to do, see the script. */
interface Job {
  readonly mode: "seed" | "leech";
  /** Path of a .torrent, or a magnet link. */
  readonly source: string;
  readonly folder: string;
  /** `ip:port` */
  readonly peers?: ReadonlyArray<string>;
  readonly trackers?: ReadonlyArray<string>;
  /** Bytes per second. */
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  /** More settings of the session, by libtorrent's names. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Words before the command: what it runs under. */
  readonly via?: ReadonlyArray<string>;
}

/** Starts a peer on a port of its own. */
export const libtorrent = ({ via = [], ...job }: Job): Effect.Effect<LibtorrentPeer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [file, ...args] = [...via, python, script, JSON.stringify(job)];
    const running = yield* start(file, args);
    const port = yield* running.until(() => linesOf(running).find(({ event }) => event === "ready")?.port);
    const said = (name: string) =>
      Effect.asVoid(running.until(() => linesOf(running).find(({ event }) => event === name)));
    const reports = () => linesOf(running).filter(({ event }) => event === "stats");
    const begun = Effect.asVoid(running.until(() => reports().find(({ verified = 0 }) => verified > 0)));
    const report = Effect.suspend(() => {
      const before = reports().length;
      return running.until(() => {
        const { uploaded, verified, failed } = reports()[before] ?? {};
        if (uploaded === undefined || verified === undefined || failed === undefined) return undefined;
        return { uploaded, verified, failed };
      });
    });
    return {
      running,
      begun,
      report,
      address: `127.0.0.1:${port}`,
      finished: said("finished"),
      announced: said("announced"),
    };
  });

/** Shares a payload. */
export const libtorrentSeeder = (payload: Payload, options: Omit<Job, "mode" | "source" | "folder"> = {}) =>
  libtorrent({ mode: "seed", source: payload.torrent, folder: payload.folder, ...options });

/** Makes the torrent of files that are there already, as libtorrent does. */
export const createTorrent = (options: {
  readonly folder: string;
  readonly name: string;
  readonly source: string;
  readonly pieceLength: number;
  readonly version: "1" | "2" | "hybrid";
  readonly pads?: boolean;
}): Effect.Effect<void> =>
  Effect.sync(() => {
    const { status, stderr } = spawnSync(python, [script, JSON.stringify({ mode: "create", ...options })], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
  });

/** The info-hashes of the torrent that libtorrent makes of files: v1-only in the order given, else in its own; without those it has not. */
export const infoHashesOf = (torrent: {
  readonly version: "v1" | "v2" | "hybrid";
  readonly folder: string;
  readonly name: string;
  readonly files: ReadonlyArray<{
    readonly path: string;
    readonly size: number;
    readonly executable: boolean;
    readonly symlink?: string;
  }>;
  readonly pieceLength: number;
  readonly private: boolean;
  /** Of one file, not of a folder. */
  readonly single: boolean;
}): { readonly v1: string | null; readonly v2: string | null } => {
  const made = spawnSync(python, [join(import.meta.dirname, "lt_create.py"), JSON.stringify(torrent)]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  return JSON.parse(String(made.stdout));
};
