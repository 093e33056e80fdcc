/**
 * Runs every example of a folder against peers on loopback: `node scripts/examples.ts [folder]`. All are given a torrent and a folder; those
 * that need none ignore them.
 */
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { withSwarm } from "./swarm.ts";

const examples = resolve(process.argv[2] ?? join(import.meta.dirname, "../examples"));
let failed = 0;
for (const name of readdirSync(examples).filter((file) => file.endsWith(".ts"))) {
  console.log(`${name}:`);
  const status = await withSwarm({ mebibytes: 8, peers: 2 }, ({ torrent, folder, node }) =>
    node(join(examples, name), torrent, folder),
  );
  if (status !== 0) {
    console.log(`${name} ended with ${status}`);
    failed += 1;
  }
}
process.exitCode = failed === 0 ? 0 : 1;
