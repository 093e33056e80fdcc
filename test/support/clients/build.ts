/**
 * Builds the program once for all end-to-end tests, into a folder of their own: what they test is the source as it is now, and a build that
 * somebody makes meanwhile takes nothing away from under them.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundle } from "../../../scripts/bundle.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of the built program. */
    program: string;
  }
}

/** Called by vitest before the first test and, what it returns, after the last one. */
export default async function build(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "bt-effect-e2e-program-"));
  // Other users run it, too.
  chmodSync(folder, 0o755);
  await bundle(folder);
  // As in the package: without it Node looks at every file to see what it is, and says so.
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  project.provide("program", folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
