/**
 * Builds `dist`: the program as a bundle that starts quickly (`main.js` and its chunks; subcommands stay lazy) and the library as
 * modules with types. Links the program into node_modules/.bin, so that `npx bt-effect` in this folder runs it on the pinned Node.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
rmSync("dist", { recursive: true, force: true });

await build({
  entryPoints: { run: "src/main.ts" },
  outdir: "dist",
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
copyFileSync("src/launcher.js", "dist/main.js");
chmodSync("dist/main.js", 0o755);

if (existsSync("node_modules/.bin")) {
  rmSync("node_modules/.bin/bt-effect", { force: true });
  symlinkSync("../../dist/main.js", "node_modules/.bin/bt-effect");
}

const tsc = spawnSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit", shell: process.platform === "win32" });
process.exitCode = tsc.status ?? 1;
