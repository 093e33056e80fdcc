/** The program's entry. Answers `--version` at once; everything else loads the program. */
import process from "node:process";
import { AGENT } from "./schema/version.ts";

const args = process.argv.slice(2);
if (args.length === 1 && args[0] === "--version") {
  process.stdout.write(`${AGENT}\n`);
} else {
  const { start } = await import("./app/start.ts");
  start(args);
}
