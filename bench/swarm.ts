/**
 * The other side of a benchmark run, in a process of its own: seeder and tracker. It reads its options as one line of JSON, answers with one
 * line that has the tracker's URL when it is ready, and ends when its standard input does.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { startSeeder } from "./seeder.ts";
import { startTracker } from "./tracker.ts";

/** What the runner asks for. */
export interface SwarmOptions {
  readonly blob: string;
  readonly total: number;
  readonly pieceLength: number;
  /** Base64. */
  readonly info: string;
  readonly infoHash: string;
  readonly peers: number;
}

const serve = async (options: SwarmOptions): Promise<void> => {
  const seeder = await startSeeder({
    ...options,
    blob: readFileSync(options.blob),
    info: Buffer.from(options.info, "base64"),
    addresses: Array.from({ length: options.peers }, (_, nth) => `127.0.0.${nth + 1}`),
  });
  const tracker = await startTracker(seeder.peers);
  process.stdout.write(`${JSON.stringify({ tracker: tracker.url })}\n`);
};

const input = createInterface(process.stdin);
// The runner wrote the line.
input.once("line", (line) => void serve(JSON.parse(line) as SwarmOptions));
input.once("close", () => process.exit(0));
