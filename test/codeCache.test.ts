/** The code cache, each run in a process of its own, as it is used. */
import { assert, describe, it } from "@effect/vitest";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach } from "vitest";

const MODULE = fileURLToPath(new URL("../src/codeCache.ts", import.meta.url));

/** Says `done`, after calling as many functions as it is told, each of which is compiled at its call. */
const SCRIPT = `(function () {
${Array.from({ length: 3000 }, (_, nth) => `function f${nth}(a, b) { const sum = a + b * ${nth}; return [sum, "${nth}", { sum }]; }`).join("\n")}
const all = [${Array.from({ length: 3000 }, (_, nth) => `f${nth}`).join(", ")}];
for (const f of all.slice(0, Number(process.env.CALLED ?? 0))) f(1, 2);
process.getBuiltinModule("node:fs").writeSync(1, "done");
})`;

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "bt-effect-code-"));
  writeFileSync(join(home, "script-1.cjs"), SCRIPT);
});
afterEach(() => rmSync(home, { recursive: true }));

const folder = (): string => join(home, "bt-effect/code");

const run = (
  options: {
    readonly called?: number;
    readonly cacheHome?: string;
    readonly home?: string;
    readonly before?: string;
  } = {},
) => {
  const script = pathToFileURL(join(home, "script-1.cjs"));
  const source = `${options.before ?? ""}
    import { runCached } from ${JSON.stringify(MODULE)};
    runCached(new URL(${JSON.stringify(script.href)}), () => {})();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
    encoding: "utf8",
    cwd: home,
    env: {
      XDG_CACHE_HOME: options.cacheHome ?? home,
      CALLED: String(options.called ?? 0),
      ...(options.home !== undefined && { HOME: options.home }),
    },
  });
  assert.strictEqual(status, 0, stderr);
  assert.strictEqual(stdout, "done");
};

/** The one cache that there is: each writing makes a new file. */
const cache = () => {
  const names = readdirSync(folder());
  assert.lengthOf(names, 1);
  const path = join(folder(), names[0] ?? "");
  const { ino, mode, size } = statSync(path);
  return { path, ino, mode, size };
};

describe("codeCache", () => {
  it("leaves a cache for the user alone, which the next run takes", () => {
    run();
    const first = cache();
    assert.strictEqual(first.mode & 0o777, 0o600);
    run();
    assert.strictEqual(cache().ino, first.ino);
  });

  it("adds what a later run compiled, and is then content", () => {
    run();
    const first = cache();
    run({ called: 3000 });
    const second = cache();
    assert.isAbove(second.size, first.size * 2);
    run({ called: 3000 });
    assert.strictEqual(cache().ino, second.ino);
  });

  it("neither leaves nor takes one in the current folder, nor needs a home", () => {
    const before = readdirSync(home);
    run({ cacheHome: "relative", home: "" });
    run({ cacheHome: "", home: "relative" });
    run({
      cacheHome: "",
      before: `process.getBuiltinModule("node:os").homedir = () => { throw new Error("ENOENT"); };`,
    });
    assert.deepStrictEqual(readdirSync(home), before);
  });

  it("takes no damaged cache, and replaces it", () => {
    run();
    const { path } = cache();
    const good = readFileSync(path);
    const bad = Buffer.from(good);
    bad[bad.length - 1000] = (bad[bad.length - 1000] ?? 0) ^ 1;
    for (const bytes of [bad, good.subarray(0, 3), good.subarray(0, 24), Buffer.alloc(0)]) {
      writeFileSync(path, bytes);
      run();
      assert.isAbove(cache().size, good.length / 2);
    }
  });

  it("keeps few caches of other versions", () => {
    mkdirSync(folder(), { recursive: true });
    for (let nth = 0; nth < 6; nth++) writeFileSync(join(folder(), `old-${nth}`), "");
    run();
    const names = readdirSync(folder());
    assert.lengthOf(names, 4);
    assert.lengthOf(
      names.filter((name) => name.startsWith("script-1.cjs")),
      1,
    );
  });

  it("does without one where nothing can be written", () => {
    run({ cacheHome: "/dev/null" });
  });
});
