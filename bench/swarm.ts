/**
 * The other side of a benchmark run, in a process of its own: seeder and tracker. It reads its options as one line of JSON, answers with one
 * line that has the tracker's URL when it is ready, and ends when its standard input does.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Payload } from "./payload.ts";
import type { Command } from "./programs/program.ts";
import { startSeeder } from "./seeder.ts";
import { startTracker } from "./tracker.ts";

/** What the runner asks for. */
export interface SwarmOptions extends Pick<Payload, "blob" | "total" | "pieceLength" | "infoFile" | "infoHash"> {
  /** Where the tracker listens. */
  readonly host: string;
  /** Local addresses: each is a peer. */
  readonly addresses: ReadonlyArray<string>;
  /** A seeder that listens on all of them and prints its port when it is ready; the one in Node when absent. */
  readonly seeder?: Command;
}

/** The port that the program prints; it ends with this process. */
const portOf = async ({ file, args }: Command): Promise<number> => {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill("SIGKILL"));
  for await (const line of createInterface(child.stdout)) return Number(line);
  throw new Error(`${file} ended before it listened`);
};

const serve = async (options: SwarmOptions): Promise<void> => {
  const { seeder, addresses, host } = options;
  const peers =
    seeder === undefined
      ? (await startSeeder({ ...options, blob: readFileSync(options.blob), info: readFileSync(options.infoFile) }))
          .peers
      : await portOf(seeder).then((port) => addresses.map((address) => ({ host: address, port })));
  const tracker = await startTracker(peers, host);
  process.stdout.write(`${JSON.stringify({ tracker: tracker.url })}\n`);
};

const input = createInterface(process.stdin);
// The runner wrote the line.
input.once("line", (line) => void serve(JSON.parse(line) as SwarmOptions));
input.once("close", () => process.exit(0));
