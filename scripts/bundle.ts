/** The program as a bundle that starts quickly: `main.js` and its chunks; subcommands stay lazy. */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Writes the program into `folder`. */
export const bundle = async (folder: string): Promise<void> => {
  await build({
    absWorkingDir: root,
    entryPoints: { run: "src/main.ts" },
    outdir: folder,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.19",
    logLevel: "warning",
    // Some dependencies are CommonJS and ask for Node's modules with `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  copyFileSync(join(root, "src/launcher.js"), join(folder, "main.js"));
  chmodSync(join(folder, "main.js"), 0o755);
};
