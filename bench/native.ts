/** Builds the benchmark's own programs in C where a compiler is there; without one the seeder and the leecher are those in Node, and there is no line. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;

/** The path of `native/<name>.c`, built; nothing where that cannot be done, or `BT_EFFECT_BENCH_NODE` asks for the ones in Node. */
export const native = (name: "seeder" | "leecher" | "link"): string | undefined => {
  if (name !== "link" && process.env["BT_EFFECT_BENCH_NODE"] !== undefined) return undefined;
  const folder = join(here, "results/bin");
  const [source, built] = [join(here, "native", `${name}.c`), join(folder, name)];
  const changed = Math.max(statSync(source).mtimeMs, statSync(join(here, "native/peer.h")).mtimeMs);
  if (existsSync(built) && statSync(built).mtimeMs > changed) return built;
  mkdirSync(folder, { recursive: true });
  return spawnSync("cc", ["-O2", "-o", built, source], { stdio: "ignore" }).status === 0 ? built : undefined;
};
