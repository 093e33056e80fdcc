/** The results of subcommands for scripts: what `--json` prints when there is something to tell. The events of a download are `display/json.ts`. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { Screen } from "./Screen/Screen.ts";

/** What a line tells of, by which its reader knows it, and the rest of it. */
export type JsonResult = Readonly<Record<string, unknown>> & { readonly type: string };

/** Prints a line for each of `results`, all with the time of now (ISO 8601). */
export const printResults = (results: ReadonlyArray<JsonResult>): Effect.Effect<void, never, Screen> =>
  Effect.gen(function* () {
    const { print } = yield* Screen;
    const time = new Date(yield* Clock.currentTimeMillis).toISOString();
    print(results.map((result) => `${JSON.stringify({ ...result, time })}\n`).join(""));
  });
