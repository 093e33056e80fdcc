/** The tree of commands on `effect/cli`: their arguments, flags, help and examples. What they do is loaded when they are chosen. */
import * as Effect from "effect/Effect";
import * as Argument from "effect/cli/Argument";
import * as Command from "effect/cli/Command";
import type { Explained } from "../schema/errors/code.ts";
import type { CreateInput } from "./commands/create.ts";
import type { DownloadInput } from "./commands/download.ts";
import type { EditInput } from "./commands/edit.ts";
import type { InfoInput } from "./commands/info.ts";
import type { MagnetInput } from "./commands/magnet.ts";
import type { ScrapeInput } from "./commands/scrape.ts";
import type { SeedInput } from "./commands/seed.ts";
import type { VerifyInput } from "./commands/verify.ts";
import { checkFlag, downloadFlags, keepSharing, limitFlags, networkFlags, outputFlags, seedFlags } from "./flags.ts";
import { createFlags, editFlags, saveFlags } from "./torrentFlags.ts";

const torrent = Argument.String("torrent").pipe(
  Argument.withDescription("A .torrent file, magnet link, URL of a .torrent, info-hash, or - for a .torrent on stdin"),
);

const out = Argument.String("out").pipe(
  Argument.withDescription("Where to save: the file, or the folder that takes the place of the torrent's own"),
  Argument.optional,
);

/** What the commands do. */
export interface Commands<R> {
  readonly download: (input: DownloadInput) => Effect.Effect<void, Explained, R>;
  readonly info: (input: InfoInput) => Effect.Effect<void, Explained, R>;
  readonly create: (input: CreateInput) => Effect.Effect<void, Explained, R>;
  readonly edit: (input: EditInput) => Effect.Effect<void, Explained, R>;
  readonly magnet: (input: MagnetInput) => Effect.Effect<void, Explained, R>;
  readonly scrape: (input: ScrapeInput) => Effect.Effect<void, Explained, R>;
  readonly seed: (input: SeedInput) => Effect.Effect<void, Explained, R>;
  readonly verify: (input: VerifyInput) => Effect.Effect<void, Explained, R>;
}

/** The real ones, each loaded when it is chosen. */
export const live = {
  download: (input: DownloadInput) =>
    input.dryRun
      ? Effect.flatMap(
          Effect.promise(() => import("./commands/dryRun.ts")),
          ({ dryRun }) => dryRun(input),
        )
      : Effect.flatMap(
          Effect.promise(() => import("./commands/download.ts")),
          ({ download }) => download(input),
        ),
  info: (input: InfoInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/info.ts")),
      ({ info }) => info(input),
    ),
  create: (input: CreateInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/create.ts")),
      ({ create }) => create(input),
    ),
  edit: (input: EditInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/edit.ts")),
      ({ edit }) => edit(input),
    ),
  magnet: (input: MagnetInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/magnet.ts")),
      ({ magnet }) => magnet(input),
    ),
  scrape: (input: ScrapeInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/scrape.ts")),
      ({ scrape }) => scrape(input),
    ),
  seed: (input: SeedInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/seed.ts")),
      ({ seed }) => seed(input),
    ),
  verify: (input: VerifyInput) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/verify.ts")),
      ({ verify }) => verify(input),
    ),
};

/** How the swarm is met, whatever is done in it. */
const swarmFlags = { ...networkFlags, ...limitFlags, ...seedFlags, ...checkFlag };

const path = Argument.String("path").pipe(
  Argument.withDescription("What is shared: the file or folder of the torrent, or the folder that holds it"),
);

const seedCommand = <R>({ seed }: Commands<R>) =>
  Command.make("seed", { torrent, path, ...swarmFlags, ...outputFlags }, seed).pipe(
    Command.withDescription("Share what is on disk already; fetches nothing. Ends when it is interrupted"),
    Command.withShortDescription("Share what is on disk already"),
    Command.withExamples([
      { command: "bt-effect seed debian.torrent ~/Downloads/debian.iso" },
      { command: "bt-effect seed --seed-ratio 2 album.torrent ~/Music", description: "Until each byte was sent twice" },
    ]),
  );

const infoCommand = <R>({ info }: Commands<R>) =>
  Command.make("info", { torrent, ...outputFlags }, info).pipe(
    Command.withDescription("Show what is in a torrent: names, sizes, hashes, trackers, web seeds, magnet link"),
    Command.withShortDescription("Show what is in a torrent"),
    Command.withExamples([
      { command: "bt-effect info debian.torrent" },
      { command: "bt-effect info --json debian.torrent", description: "The same for a script" },
    ]),
  );

const payload = Argument.String("path").pipe(
  Argument.withDescription("The file or folder of the torrent, or the folder that holds it"),
);

const verifyCommand = <R>({ verify }: Commands<R>) =>
  Command.make("verify", { torrent, path: payload, ...outputFlags }, verify).pipe(
    Command.withDescription(
      "Check files on disk against a torrent, file by file. Writes nothing. Ends with 6 where something is missing or damaged",
    ),
    Command.withShortDescription("Check files on disk against a torrent"),
    Command.withExamples([
      { command: "bt-effect verify debian.torrent ~/Downloads/debian.iso" },
      { command: "bt-effect verify --json album.torrent ~/Music | jq .status", description: "The same for a script" },
    ]),
  );

const content = Argument.String("path").pipe(Argument.withDescription("The file or folder to make a torrent of"));

const createCommand = <R>({ create }: Commands<R>) =>
  Command.make("create", { path: content, ...createFlags, ...outputFlags }, create).pipe(
    Command.withDescription(
      "Make a .torrent of a file or a folder: v1, v2 or hybrid, with executable bits and symbolic links",
    ),
    Command.withShortDescription("Make a .torrent of a file or a folder"),
    Command.withExamples([
      { command: "bt-effect create --tracker udp://tracker.example.org:6969/announce album/" },
      {
        command: "bt-effect create --tracker http://a/announce,http://b/announce --tracker http://c/announce x.iso",
        description: "Two tiers of trackers",
      },
      { command: "bt-effect create --version hybrid --piece-length 1M x.iso", description: "For old and new clients" },
      { command: "bt-effect create --no-date -o - --exclude '*.tmp' data/ | sha1sum", description: "Reproducible" },
    ]),
  );

const editCommand = <R>({ edit }: Commands<R>) =>
  Command.make("edit", { torrent, ...editFlags, ...outputFlags }, edit).pipe(
    Command.withDescription("Change trackers, web seeds or comment of a .torrent. The info-hash stays what it is"),
    Command.withShortDescription("Change trackers, web seeds or comment of a .torrent"),
    Command.withExamples([
      { command: "bt-effect edit --tracker http://new.example.org/announce -o new.torrent old.torrent" },
      { command: "bt-effect edit --no-trackers --comment '' -o bare.torrent old.torrent" },
    ]),
  );

const magnetCommand = <R>({ magnet }: Commands<R>) =>
  Command.make("magnet", { torrent, ...saveFlags, ...networkFlags, ...outputFlags }, magnet).pipe(
    Command.withDescription(
      "Print the magnet link of a torrent. With --save: fetch the torrent of a magnet link from peers, without its files",
    ),
    Command.withShortDescription("Print the magnet link of a torrent, or fetch the torrent of a link"),
    Command.withExamples([
      { command: "bt-effect magnet debian.torrent" },
      { command: "bt-effect magnet --save debian.torrent 'magnet:?xt=urn:btih:…'", description: "The other way round" },
    ]),
  );

const scrapeCommand = <R>({ scrape }: Commands<R>) =>
  Command.make(
    "scrape",
    { torrent, tracker: networkFlags.tracker, proxy: networkFlags.proxy, ...outputFlags },
    scrape,
  ).pipe(
    Command.withDescription("Ask all trackers at once how many seed and fetch a torrent, and how many have fetched it"),
    Command.withShortDescription("Ask the trackers how many share a torrent"),
    Command.withExamples([
      { command: "bt-effect scrape debian.torrent" },
      { command: "bt-effect scrape --json 'magnet:?xt=urn:btih:…' | jq .seeders" },
    ]),
  );

const shell = Argument.Literals("shell", ["bash", "zsh", "fish"]).pipe(Argument.withDescription("bash, zsh or fish"));

/** Its script tells of all commands: `root` is the tree that it is part of. */
const completionsCommand = (root: () => Command.Command.Any) =>
  Command.make("completions", { shell }, (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./commands/completions.ts")),
      ({ completions }) => completions(input.shell, root()),
    ),
  ).pipe(
    Command.withDescription("Print a script that lets a shell complete commands and flags"),
    Command.withExamples([
      { command: "bt-effect completions bash > ~/.local/share/bash-completion/completions/bt-effect" },
      { command: "bt-effect completions zsh > ~/.zfunc/_bt-effect" },
      { command: "bt-effect completions fish > ~/.config/fish/completions/bt-effect.fish" },
    ]),
  );

/** Downloads, unless the first word names a subcommand. */
export const rootCommand = <R>(commands: Commands<R>) =>
  Command.make(
    "bt-effect",
    { torrent, out, ...swarmFlags, seed: keepSharing, ...downloadFlags, ...outputFlags },
    commands.download,
  ).pipe(
    Command.withDescription(
      "Fetch a torrent from its peers, verified. Run the same command again to continue where it stopped.",
    ),
    Command.withSubcommands([
      seedCommand(commands),
      infoCommand(commands),
      verifyCommand(commands),
      createCommand(commands),
      editCommand(commands),
      magnetCommand(commands),
      scrapeCommand(commands),
      completionsCommand((): Command.Command.Any => rootCommand(commands)),
    ]),
    Command.withExamples([
      { command: "bt-effect debian.torrent", description: "Download into the current folder" },
      { command: "bt-effect 'magnet:?xt=urn:btih:…' ~/Downloads/", description: "A magnet link, into a folder" },
      { command: "bt-effect --select '*.flac' album.torrent", description: "Some of the files" },
      {
        command: "bt-effect --dry-run --select 0,2-4 album.torrent",
        description: "Only look at what would be fetched",
      },
      { command: "bt-effect --peer 10.0.0.5:6881 --no-trackers x.torrent out.iso", description: "From one peer" },
      { command: "bt-effect --json x.torrent | jq .type", description: "Events for a script" },
    ]),
  );

const nameOf = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The flags that a configuration file may name. */
export const configurable = [outputFlags, swarmFlags, { seed: keepSharing }, downloadFlags]
  .flatMap((flags) => Object.keys(flags))
  .map(nameOf);

const severalTimes: ReadonlyArray<keyof typeof swarmFlags | keyof typeof downloadFlags> = [
  "peer",
  "tracker",
  "dhtBootstrap",
  "select",
];

/** Of these flags, those for which it may have a list. */
export const repeatable = severalTimes.map(nameOf);
