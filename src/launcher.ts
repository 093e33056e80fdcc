/**
 * The file that starts everything (`dist/main.js`): says in one line when Node is too old, answers `--version`, and runs the program from the code
 * cache. It is built in old syntax: any Node has to be able to parse it, and nothing that is new in Node may be touched before the check.
 */
import { lostLine } from "./app/stdout.ts";
import { runCached } from "./codeCache.ts";
import { EXIT } from "./schema/errors/code.ts";
import { AGENT } from "./schema/version.ts";
import { startEarly } from "./services/HashThreads/thread.ts";

/** Effect 4.1 says so (`engines` in package.json). */
const needed = [22, 19] as const;

/** The name of the program's script beside this file, new with every change of it; filled in by the build. */
declare const PROGRAM: string;
/** The name of the module that the program runs in threads. */
declare const THREAD: string;

/** The script's value, which runs the program. */
type Program = (
  require: (name: string) => unknown,
  threadAddress: string,
  earlyThread: ReturnType<typeof startEarly>,
) => void;

/** Commands that hash so much that another thread is worth its start; that it is started for little takes no time of the main thread's core. */
const hashing: ReadonlyArray<string | undefined> = ["create", "verify"];

/** By then the program is loaded, ms: flags that are set earlier make V8 refuse the code caches of the program and of Node itself (20 ms). */
const LOADED = 100;

/** What is still running by then, ms, may run for long. */
const LASTING = 1_500;

/** A flag of V8: what it is to be, and what it is by itself. */
type Flag = readonly [string, string];

/**
 * What a download throws away is small and even: without these the heap grows to several times what it needs before anything is
 * collected (8 GiB: 47 MiB against 135; bench/NOTES.md).
 */
const smallHeap: ReadonlyArray<Flag> = [
  ["--semi-space-growth-factor=1", "--semi-space-growth-factor=2"],
  ["--heap-growing-percent=50", "--heap-growing-percent=0"],
];
/** Keeps it smaller yet; a download from 50 peers would take 4 % longer. */
const smallestHeap: ReadonlyArray<Flag> = [
  ["--optimize-for-size", "--no-optimize-for-size"],
  ["--heap-growing-percent=25", "--heap-growing-percent=0"],
];

const setFlags = (flags: ReadonlyArray<Flag>, which: 0 | 1): void => {
  for (const flag of flags) process.getBuiltinModule("node:v8").setFlagsFromString(flag[which]);
};

/** Has the heap collected: before it has been once, V8 lets it grow without regard to what of it lives. */
const collect = (): void => {
  const flags: ReadonlyArray<Flag> = [["--expose-gc", "--no-expose-gc"]];
  setFlags(flags, 0);
  const gc: (options: { type: "major"; execution: "async" }) => unknown = process
    .getBuiltinModule("node:vm")
    .runInNewContext("gc");
  setFlags(flags, 1);
  gc({ type: "major", execution: "async" });
};

const launch = (): void => {
  const threadAddress = new URL(THREAD, import.meta.url).href;
  const isHashing = hashing.includes(process.argv[2]);
  // Who asks for help hashes nothing, and a thread takes memory that there may not be.
  const earlyThread = isHashing && !process.argv.includes("--help") ? startEarly(threadAddress) : undefined;
  // A code cache made under other flags is refused.
  const program = runCached(new URL(PROGRAM, import.meta.url), () => setFlags([...smallHeap, ...smallestHeap], 1));
  // The build makes the script such a function.
  (program as Program)((name) => process.getBuiltinModule(name), threadAddress, earlyThread);
  // Who hashes throws little away, and is done sooner without collections.
  if (isHashing) return;
  // Outside of any fiber: the program does not know of the heap it lives in.
  setTimeout(() => setFlags(smallHeap, 0), LOADED).unref();
  setTimeout(() => {
    setFlags(smallestHeap, 0);
    collect();
  }, LASTING).unref();
};

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(`bt-effect needs Node ${needed.join(".")} or newer; this is Node ${process.versions.node}.`);
  process.exitCode = 1;
} else if (process.argv.length === 3 && process.argv[2] === "--version") {
  process.stdout.on("error", (cause) => {
    const line = lostLine(cause);
    if (line === undefined) return;
    process.exitCode = EXIT.storage;
    console.error(line.trimEnd());
  });
  process.stdout.write(`${AGENT}\n`);
} else {
  launch();
}
