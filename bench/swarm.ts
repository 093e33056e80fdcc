/**
 * The other side of a benchmark run, in a process of its own: seeder and tracker. Prints one JSON line with the tracker's URL when it is
 * ready; ends when its standard input does.
 */
import { readFileSync } from "node:fs";
import { startSeeder } from "./seeder.ts";
import { startTracker } from "./tracker.ts";

/** What the runner passes as the only argument, as JSON. */
export interface SwarmOptions {
  readonly blob: string;
  readonly total: number;
  readonly pieceLength: number;
  /** Base64. */
  readonly info: string;
  readonly infoHash: string;
  readonly peers: number;
}

// The runner's own argument.
const options = JSON.parse(process.argv[2] ?? "") as SwarmOptions;
const seeder = await startSeeder({
  ...options,
  blob: readFileSync(options.blob),
  info: Buffer.from(options.info, "base64"),
  addresses: Array.from({ length: options.peers }, (_, nth) => `127.0.0.${nth + 1}`),
});
const tracker = await startTracker(seeder.peers);
process.stdout.write(`${JSON.stringify({ tracker: tracker.url, peers: seeder.peers })}\n`);
process.stdin.resume().on("end", () => process.exit(0));
