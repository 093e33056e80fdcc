/** The program. In the bundle it is a script that `launcher.ts` runs; as a file of its own it can be run from the sources. */
import { start } from "./app/start.ts";

start(process.argv.slice(2));
