/** What the benchmark has to know of a program that it measures: how it is started, and how it says that it is done. */
import { spawnSync } from "node:child_process";

/** One thing to be done, in an empty folder of its own. */
export interface Job {
  /** Path of a .torrent file, or a magnet link. */
  readonly source: string;
  /** Folder that takes the output, or has the payload, under the torrent's name. */
  readonly folder: string;
  /** The torrent's own name: a file, or a folder of files. */
  readonly name: string;
  /** An empty folder to live in: home, settings, state. */
  readonly home: string;
  /** This machine's address in the benchmark's network. */
  readonly host: string;
  /** Free, to listen on. */
  readonly port: number;
  /** Free, for whoever is steered by RPC. */
  readonly controlPort: number;
  /** To be run by the program when the payload is complete: a command without arguments. */
  readonly hook: string;
  /** What peers speak and nothing else: plaintext or RC4 over TCP, or plaintext over uTP. */
  readonly wire: "plain" | "rc4" | "utp";
}

/** What to run. */
export interface Command {
  readonly file: string;
  readonly args: ReadonlyArray<string>;
  readonly env?: Readonly<Record<string, string>>;
  /** Files of settings to be written first, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** What has to be done once it runs, as adding the torrent by RPC. */
  readonly begin?: () => Promise<void>;
  /** How it says that it is done: it ends with 0 (the default), it runs the hook, or this turns true; those two are stopped then. */
  readonly done?: "exit" | "hook" | (() => Promise<boolean>);
}

/** A program under measurement; what it cannot do, or what nobody compares, is absent. */
export interface Client {
  readonly name: string;
  /** Its version; fails with a sentence when it cannot be run here. */
  readonly version: () => string;
  /** Downloads. */
  readonly fetch?: (job: Job) => Command;
  /** Shares what is in the folder at `host` and `port` until it is killed. */
  readonly seed?: (job: Job) => Command;
  /** Finds out that all is in the folder already, without any record of an earlier run. */
  readonly check?: (job: Job) => Command;
  readonly magnets: boolean;
  /** Takes part only in scenarios that name it. */
  readonly onlyWhereNamed?: true;
  /** Why it cannot be measured where all peers have addresses of 127.0.0.0/8; absent where it can. */
  readonly loopback?: string;
}

/** The first line that a program prints when it is asked for its version. */
export const firstLine = (file: string, ...args: ReadonlyArray<string>): string => {
  const { error, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  return `${stdout}${stderr}`.split("\n", 1)[0] ?? "";
};
