/** The program as it is started: `main.js`, the launcher, and the whole program in one script beside it. */
import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";
import { licences } from "./licences.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  logLevel: "warning",
  charset: "ascii",
} satisfies BuildOptions;

/** A script whose value is a function of how to get Node's modules, of where the module for threads is, and of a thread that runs already. What is imported dynamically is in it, and begins when it is asked for. */
const program = async () => {
  const { metafile, outputFiles } = await build({
    ...common,
    entryPoints: ["src/main.ts"],
    write: false,
    metafile: true,
    // A third less to read at every start (10 ms); names stay, and lines are short enough for a place in them to be found.
    minifyWhitespace: true,
    lineLimit: 200,
    format: "cjs",
    target: "node22.19",
    supported: { "dynamic-import": false },
    // The one module that asks where it lies is run in threads and stands beside the program.
    define: { "Intl.Segmenter": "LazySegmenter", "import.meta.url": "threadAddress" },
    inject: ["scripts/lazySegmenter.ts"],
    banner: { js: "(function (require, threadAddress, earlyThread) {" },
    footer: { js: "})" },
  });
  const [script] = outputFiles;
  if (script === undefined) throw new Error("esbuild made nothing of src/main.ts");
  // Once as the parameter, once where it is asked for: another module would be told a place that is not its own.
  if (script.text.split(/\bthreadAddress\b/).length !== 3) throw new Error("one module may ask for import.meta.url");
  return { contents: script.contents, inputs: Object.keys(metafile.inputs) };
};

/** Writes the program into `folder`. */
export const bundle = async (folder: string): Promise<void> => {
  const { contents, inputs } = await program();
  const name = `program-${createHash("sha256").update(contents).digest("hex").slice(0, 16)}.cjs`;
  const launcher = await build({
    ...common,
    metafile: true,
    entryPoints: { main: "src/launcher.ts" },
    outdir: folder,
    format: "esm",
    target: "es2020",
    define: { PROGRAM: JSON.stringify(name), THREAD: JSON.stringify("thread.js") },
    banner: { js: "#!/usr/bin/env node" },
  });
  const thread = await build({
    ...common,
    metafile: true,
    entryPoints: { thread: "src/services/HashThreads/worker.ts" },
    outdir: folder,
    format: "esm",
    target: "node22.19",
  });
  writeFileSync(resolve(root, folder, name), contents);
  const others = [launcher, thread].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(resolve(root, folder, "LICENSES.txt"), licences(root, [...inputs, ...others]));
  chmodSync(resolve(root, folder, "main.js"), 0o755);
};
