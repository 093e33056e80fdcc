/** The floor: the same steps in plain Node, without a library and without care. What bt-effect may cost is told as a ratio to it. */
import { join } from "node:path";
import type { Client } from "./program.ts";

const here = import.meta.dirname;

/** Plain Node. */
export const floor: Client = {
  name: "floor",
  magnets: false,
  version: () => `plain Node ${process.version}`,
  fetch: ({ source, folder, name }) => ({
    file: process.execPath,
    args: [join(here, "floor_fetch.mjs"), source, join(folder, name)],
  }),
  seed: ({ source, folder, name, host, port }) => ({
    file: process.execPath,
    args: [join(here, "floor_seed.mjs"), source, join(folder, name), host, String(port)],
  }),
  check: ({ source, folder, name }) => ({
    file: process.execPath,
    args: [join(here, "floor_check.mjs"), source, join(folder, name)],
  }),
};
