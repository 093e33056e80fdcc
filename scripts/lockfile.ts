/**
 * Completes package-lock.json after `npm install`: writes entries for the optional packages of other platforms that the registry in
 * use did not serve. Without them `npm ci` calls the lockfile out of sync. Run by hand: `npm run lockfile`.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: ReadonlyArray<string>;
  cpu?: ReadonlyArray<string>;
  libc?: ReadonlyArray<string>;
  optionalDependencies?: Record<string, string>;
}

interface Lockfile {
  packages: Record<string, LockEntry>;
}

const systems: Record<string, string> = { windows: "win32", win: "win32" };
const knownSystems = new Set("aix android darwin freebsd linux netbsd openbsd openharmony sunos win32".split(" "));
const knownProcessors = new Set("arm arm64 ia32 loong64 mips64el ppc64 riscv64 s390x x64 wasm32".split(" "));

/** What a platform package's name says it runs on, `binding-linux-arm-gnueabihf` for instance; undefined when it says nothing. */
const platform = (name: string): LockEntry | undefined => {
  const words = name.split(/[/-]/).map((word) => systems[word] ?? word);
  const os = words.find((word) => knownSystems.has(word));
  const cpu = words.find((word) => knownProcessors.has(word));
  if (cpu === "wasm32") return { cpu: ["wasm32"] };
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith("musl"))
    ? { libc: ["musl"] }
    : words.some((word) => word.startsWith("gnu"))
      ? { libc: ["glibc"] }
      : {};
  return { os: [os], cpu: [cpu], ...libc };
};

const path = new URL("../package-lock.json", import.meta.url);
// The lockfile is npm's own: its shape is as described above.
const lock = JSON.parse(readFileSync(path, "utf8")) as Lockfile;
let added = 0;
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    const runsOn = platform(name);
    if (lock.packages[key] !== undefined || runsOn === undefined) continue;
    lock.packages[key] = { version, ...(entry.dev === true ? { dev: true } : {}), optional: true, ...runsOn };
    added += 1;
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
console.log(`${added} packages of other platforms added to package-lock.json`);
