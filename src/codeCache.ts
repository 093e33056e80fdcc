/**
 * Runs a script with V8's code cache of it, kept in the user's cache folder. Node has such caches (`module.enableCompileCache`), but makes them when a file is
 * loaded, so that they lack all functions that are compiled later, at their first call: 80 ms of a run. This one is made when a run ends.
 *
 * Life cycle: a run that finds no cache leaves one; while that is young, a run that compiled much besides leaves a better one.
 */
import { homeFolder } from "./services/homeFolder.ts";

/** The code may still be completed for so long, ms; later nobody looks whether it should be. */
const YOUNG = 86_400_000;
/** What makes it worth to be written anew: so much more code than when it was made. */
const GROWTH = 1.05;
/** Caches of other versions that are left alone; older ones are removed. */
const KEPT = 3;
/** Bytes of the code's SHA-1. V8 does not check code; what the program loads anyway does, `node:zlib` would take longer than the whole check. */
const DIGEST = 20;
/** Before the code: its digest, and the bytes of all code when it was made. */
const HEADER = DIGEST + 4;

interface Cache {
  readonly code: Buffer;
  readonly codeSize: number;
  readonly isYoung: boolean;
}

/** The user's own folder, if there is one: what lies in it is executed. The default one of Node is shared by all users of the machine, a relative one by anybody. */
const cacheFolder = (): string | undefined => {
  const path = process.getBuiltinModule("node:path");
  const named = process.env["XDG_CACHE_HOME"] ?? "";
  if (path.isAbsolute(named)) return path.join(named, "bt-effect", "code");
  const home = homeFolder();
  return home === undefined ? undefined : path.join(home, ".cache", "bt-effect", "code");
};

const digestOf = (code: Buffer): Buffer => process.getBuiltinModule("node:crypto").hash("sha1", code, "buffer");

const read = (file: string): Cache | undefined => {
  const fs = process.getBuiltinModule("node:fs");
  try {
    const bytes = fs.readFileSync(file);
    const { mtimeMs, uid } = fs.statSync(file);
    const code = bytes.subarray(HEADER);
    const isOurs = process.getuid === undefined || uid === process.getuid();
    if (!isOurs || !digestOf(code).equals(bytes.subarray(0, DIGEST))) return undefined;
    // Before the program is loaded there is no clock but this one.
    return { code, codeSize: bytes.readUInt32LE(DIGEST), isYoung: Date.now() - mtimeMs < YOUNG };
  } catch {
    // Not there or not to be read: then the script is compiled.
    return undefined;
  }
};

/** Replaces the cache in one step, and clears away those of versions that are gone. */
const write = (file: string, code: Buffer, codeSize: number): void => {
  const fs = process.getBuiltinModule("node:fs");
  const path = process.getBuiltinModule("node:path");
  const size = Buffer.alloc(HEADER - DIGEST);
  size.writeUInt32LE(codeSize);
  const folder = path.dirname(file);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.writeFileSync(temporary, Buffer.concat([digestOf(code), size, code]), { mode: 0o600 });
    fs.renameSync(temporary, file);
    const others = fs
      .readdirSync(folder)
      .map((name) => path.join(folder, name))
      .filter((other) => other !== file)
      .map((other) => ({ other, time: fs.statSync(other).mtimeMs }))
      .sort((one, two) => two.time - one.time);
    for (const { other } of others.slice(KEPT)) fs.rmSync(other);
  } catch {
    // A full or read-only disk: the next run starts as slowly as this one.
  }
};

/** Runs the script and gives its value; `beforeSaving` is called at the end of the process, before its code is taken. */
export const runCached = (script: URL, beforeSaving: () => void): unknown => {
  const fs = process.getBuiltinModule("node:fs");
  const path = process.getBuiltinModule("node:path");
  const vm = process.getBuiltinModule("node:vm");
  const filename = process.getBuiltinModule("node:url").fileURLToPath(script);
  const folder = cacheFolder();
  const file = folder && path.join(folder, `${path.basename(filename)}-${process.version}-${process.arch}`);
  const cache = file === undefined ? undefined : read(file);
  // The bundle is ASCII.
  const compiled = new vm.Script(fs.readFileSync(filename, "latin1"), {
    filename,
    ...(cache !== undefined && { cachedData: cache.code }),
  });
  // The code itself is not kept in memory any longer.
  const used = cache !== undefined && compiled.cachedDataRejected !== true ? { ...cache, code: undefined } : undefined;
  process.once("exit", () => {
    if (file === undefined || used?.isYoung === false) return;
    const codeSize = process.getBuiltinModule("node:v8").getHeapCodeStatistics().bytecode_and_metadata_size;
    if (used !== undefined && codeSize < used.codeSize * GROWTH) return;
    beforeSaving();
    write(file, compiled.createCachedData(), codeSize);
  });
  return compiled.runInThisContext();
};
