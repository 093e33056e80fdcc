/** The versions that a bug report needs: `--version --debug`. Loaded only for it. */
import effect from "effect/package.json" with { type: "json" };
import process from "node:process";
import { AGENT } from "../schema/version.ts";

/** One line each for this program, Effect and Node. */
export const versions = [
  AGENT,
  `effect ${effect.version}`,
  `node ${process.versions.node} (${process.platform} ${process.arch})`,
].join("\n");
