/**
 * The flags of the command line: name, help and reader of each. Every flag may come from the command line, from `BT_EFFECT_<FLAG>` or
 * from the configuration file, in this order (`Settings.ts`); the same reader checks all three.
 */
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as CliError from "effect/cli/CliError";
import * as Flag from "effect/cli/Flag";
import { PREFIX } from "./Settings.ts";
import type { Read } from "./values.ts";
import * as values from "./values.ts";

/** Help of a flag that takes a value. */
export interface Help {
  readonly metavar: string;
  readonly description: string;
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "none"] as const;
const ENCRYPTION = ["allow", "prefer", "require", "off"] as const;

/** The words that a flag may have as its value, by its name, for those that take nothing else. */
export const WORDS: Readonly<Record<string, ReadonlyArray<string>>> = { "log-level": LEVELS, encryption: ENCRYPTION };

/** Reads a flag's value, or says what was expected. */
export const check =
  <A>(name: string, read: Read<A>) =>
  (value: string) =>
    Result.match(read(value), {
      onSuccess: Effect.succeed,
      onFailure: (expected) => Effect.fail(new CliError.InvalidValue({ option: name, value, expected, kind: "flag" })),
    });

/** A flag with one value. */
const single = <A>(name: string, read: Read<A>, help: Help) =>
  Flag.String(name).pipe(
    Flag.withMetavar(help.metavar),
    Flag.withDescription(help.description),
    Flag.withFallbackConfig(Config.String(name).pipe(Config.nested(PREFIX))),
    Flag.mapEffect(check(name, read)),
  );

/** A flag that may be repeated; none given: empty. Outside the command line: a list in the file, or text with spaces between the values. */
const repeated = <A>(name: string, read: Read<A>, help: Help) =>
  Flag.String(name).pipe(
    Flag.withMetavar(help.metavar),
    Flag.withDescription(help.description),
    Flag.atLeast(1),
    Flag.withFallbackConfig(Config.Array(Schema.String, name, { separator: " " }).pipe(Config.nested(PREFIX))),
    Flag.mapEffect((given) => Effect.forEach(given.filter(Boolean), check(name, read))),
    Flag.withDefault([]),
  );

/** A flag that is on or off, off by default; `--flag=false` turns off what the environment or the file turned on. */
const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withoutNegation,
    Flag.withDescription(description),
    Flag.withFallbackConfig(Config.Boolean(name).pipe(Config.nested(PREFIX))),
    Flag.withDefault(false),
  );

/** What every command takes: how it speaks. */
export const outputFlags = {
  json: toggle("json", "Print JSON on stdout, one event a line, and nothing else there"),
  quiet: toggle("quiet", "Say nothing on success").pipe(Flag.withAlias("q")),
  debug: toggle("debug", "Log everything and show the stack of an error"),
  logLevel: single("log-level", values.oneOf(LEVELS), {
    metavar: "LEVEL",
    description: "trace, debug, info, warn (the default), error or none",
  }).pipe(Flag.optional),
  logFile: single("log-file", values.text, {
    metavar: "FILE",
    description: "Append the log to FILE instead of stderr",
  }).pipe(Flag.optional),
};

/** How the swarm is reached. */
export const networkFlags = {
  port: single("port", values.integer(0, 65_535), {
    metavar: "N",
    description: "TCP and UDP port to listen on, 0 for any free one; by default one from 49152 to 65535",
  }).pipe(Flag.withAlias("p"), Flag.optional),
  bind: single("bind", values.address, {
    metavar: "ADDR",
    description: "Local address to listen on and dial from; by default all",
  }).pipe(Flag.optional),
  peer: repeated("peer", values.hostPort, {
    metavar: "HOST:PORT",
    description: "A peer to try, repeatable ([v6]:port too)",
  }),
  tracker: repeated("tracker", values.trackerUrl, {
    metavar: "URL",
    description: "One more tracker, repeatable",
  }),
  noTrackers: toggle("no-trackers", "Ask no tracker at all"),
  noDht: toggle("no-dht", "Leave the DHT alone; for private torrents it always is"),
  dhtBootstrap: repeated("dht-bootstrap", values.hostPort, {
    metavar: "HOST:PORT",
    description: "Join the DHT through this node, repeatable; by default through the well-known ones",
  }),
  noLsd: toggle("no-lsd", "Look for no peers in the local network; for private torrents nobody ever does"),
  noPex: toggle("no-pex", "Exchange no addresses with peers; for private torrents none ever are"),
  noPortMapping: toggle("no-port-mapping", "Ask no router to pass the port on to us"),
  noWebSeeds: toggle("no-web-seeds", "Fetch nothing from the web seeds that the torrent names"),
  proxy: single("proxy", values.proxy, {
    metavar: "URL",
    description: "Reach trackers, web seeds and peers through socks5://[user:pass@]host:port, and nothing without it",
  }).pipe(Flag.optional),
  ipFilter: single("ip-filter", values.text, {
    metavar: "FILE",
    description: "Ranges of addresses never to talk to: P2P, DAT or CIDR lines, packed with gzip or not",
  }).pipe(Flag.optional),
  noUtp: toggle("no-utp", "Reach peers by TCP alone"),
  encryption: single("encryption", values.oneOf(ENCRYPTION), {
    metavar: "WHEN",
    description: "Encrypt connections: allow (where peers want it, the default), prefer, require or off",
  }).pipe(Flag.withDefault("allow")),
  maxPeers: single("max-peers", values.integer(1, 10_000), {
    metavar: "N",
    description: "Connections per torrent; by default 80",
  }).pipe(Flag.withDefault(80)),
};

/** How much may come and go. */
export const limitFlags = {
  downloadLimit: single("download-limit", values.rate, {
    metavar: "RATE",
    description: "Fetch no faster: 500K, 2M or 1.5M a second, a bare number is bytes; by default no limit",
  }).pipe(Flag.optional),
  uploadLimit: single("upload-limit", values.rate, {
    metavar: "RATE",
    description: "Share no faster; by default no limit",
  }).pipe(Flag.optional),
};

/** What is fetched and how. */
export const downloadFlags = {
  select: repeated("select", values.selectPattern, {
    metavar: "PATTERN",
    description: "Files to fetch: indices like 0,2-4 or a glob on the path, repeatable; by default all",
  }),
  pick: toggle("pick", "Ask on the terminal which files to fetch; those that --select names are chosen at first"),
  sequential: toggle("sequential", "Fetch the pieces in order instead of the rarest first"),
  dryRun: toggle("dry-run", "Show what would be done: files chosen, sizes, free space, names, trackers; write nothing"),
  overwrite: toggle("overwrite", "Replace an existing file that has nothing in common with the torrent"),
  timeout: single("timeout", values.duration, {
    metavar: "DURATION",
    description: "Give up when nothing came for that long (30s, 5m, 1h); by default never",
  }).pipe(Flag.optional),
};

/** How long is shared. */
export const seedFlags = {
  seedRatio: single("seed-ratio", values.ratio, {
    metavar: "R",
    description: "Share until R times the size was sent; by default until interrupted",
  }).pipe(Flag.optional),
  seedTime: single("seed-time", values.duration, {
    metavar: "DURATION",
    description: "Share for that long (30s, 5m, 1h); by default until interrupted",
  }).pipe(Flag.optional),
  superSeed: toggle(
    "super-seed",
    "Share each piece once if others pass it on, for the first seed of a torrent (BEP 16)",
  ),
};

/** How what is on disk already is taken. */
export const checkFlag = { check: toggle("check", "Hash what is on disk first, trust no resume data") };

/** Of a download alone: `seed` does nothing else. */
export const keepSharing = toggle("seed", "Keep sharing after completion, until interrupted");
