/**
 * `npm run demo`: the real program downloads a generated torrent from four peers, which this process plays on loopback together with the
 * tracker, held back to 24 MiB per second so that there is something to see; then the file is compared. Nothing leaves the machine.
 */
import { join } from "node:path";
import { sha256 } from "../bench/payload.ts";
import { withSwarm } from "./swarm.ts";

const program = join(import.meta.dirname, "../dist/main.js");

process.exitCode = await withSwarm(
  { mebibytes: 120, peers: 4, bytesPerSecond: 24 * 1024 * 1024 },
  async ({ payload, torrent, folder, node }) => {
    console.error("A tracker and four peers are up on loopback. $ bt-effect demo.torrent downloads/");
    const output = join(folder, "demo.bin");
    const status = await node(program, torrent, output);
    if (status !== 0) return status;
    const same = sha256(output) === payload.sha256;
    console.error(
      same ? "Verified: what came is what was shared (SHA-256)." : "The file differs from what was shared.",
    );
    return same ? 0 : 1;
  },
);
