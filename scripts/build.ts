/**
 * Builds `dist`: the program as a bundle, and the library as modules with types. Links the program into node_modules/.bin, so that
 * `npx bt-effect` in this folder runs it on the pinned Node.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
rmSync("dist", { recursive: true, force: true });
await bundle("dist");

if (existsSync("node_modules/.bin")) {
  rmSync("node_modules/.bin/bt-effect", { force: true });
  symlinkSync("../../dist/main.js", "node_modules/.bin/bt-effect");
}

const tsc = spawnSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit", shell: process.platform === "win32" });
process.exitCode = tsc.status ?? 1;
