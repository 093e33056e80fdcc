/**
 * The flags of the commands that write .torrent files. They come from the command line alone: what a configuration file says of downloads, trackers
 * above all, has no place in a torrent for others.
 */
import * as Flag from "effect/cli/Flag";
import { check, type Help } from "./flags.ts";
import type { Read } from "./values.ts";
import * as values from "./values.ts";

const described = (name: string, help: Help) =>
  Flag.String(name).pipe(Flag.withMetavar(help.metavar), Flag.withDescription(help.description));

const single = <A>(name: string, read: Read<A>, help: Help) =>
  described(name, help).pipe(Flag.mapEffect(check(name, read)), Flag.optional);

const repeated = <A>(name: string, read: Read<A>, help: Help) =>
  described(name, help).pipe(Flag.mapEffect(check(name, read)), Flag.atLeast(0));

const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false));

const tracker = repeated("tracker", values.tier, {
  metavar: "URL",
  description: "A tracker, repeatable; a comma separates the trackers of one tier",
});

const webSeed = repeated("web-seed", values.webSeedUrl, {
  metavar: "URL",
  description: "A web server that has the files (BEP 19), repeatable",
});

const comment = single("comment", values.text, { metavar: "TEXT", description: "A comment for people" });

const output = (description: string) =>
  single("output", values.text, { metavar: "FILE", description }).pipe(Flag.withAlias("o"));

/** Flags of `create`. */
export const createFlags = {
  output: output("Where to write the .torrent, - for stdout; by default the name with .torrent, in the current folder"),
  // A set of words, so that shells complete them.
  version: Flag.Literals("version", ["v1", "v2", "hybrid"]).pipe(
    Flag.withDescription("v1 (the default), which every client knows, v2 (BEP 52), or hybrid, which is both"),
    Flag.withDefault("v1" as const),
  ),
  pieceLength: single("piece-length", values.pieceLength, {
    metavar: "N",
    description: "Bytes of a piece, like 256K or 1M; by default what suits the size",
  }),
  tracker,
  webSeed,
  private: toggle("private", "Peers come from the trackers alone (BEP 27)"),
  source: single("source", values.text, {
    metavar: "TEXT",
    description: "A source tag: the same files with another one are another torrent",
  }),
  comment,
  noDate: toggle("no-date", "Leave the date out: the same files give the same .torrent"),
  exclude: repeated("exclude", values.text, {
    metavar: "GLOB",
    description: "Leave out files and folders of that name or path, repeatable",
  }),
};

/** Flags of `magnet`. */
export const saveFlags = {
  save: single("save", values.text, {
    metavar: "FILE",
    description: "Fetch the metadata from peers and write the .torrent to FILE, - for stdout",
  }),
  timeout: single("timeout", values.duration, {
    metavar: "DURATION",
    description: "With --save: give up when nothing came for that long (30s, 5m, 1h); by default never",
  }),
};

/** Flags of `edit`. */
export const editFlags = {
  output: output("Where to write the .torrent, - for stdout"),
  tracker,
  noTrackers: toggle("no-trackers", "Take all trackers out"),
  webSeed,
  noWebSeeds: toggle("no-web-seeds", "Take all web seeds out"),
  comment: single("comment", values.text, { metavar: "TEXT", description: "Another comment; '' takes it out" }),
};
