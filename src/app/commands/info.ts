/** `bt-effect info <torrent>`: shows what is in a torrent or a magnet link, without asking any peer. */
import * as Effect from "effect/Effect";
import { data, page } from "../infoPage.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { Screen } from "../Screen/Screen.ts";
import { readSource } from "../source.ts";

/** What the command line says. */
export interface InfoInput extends OutputFlags {
  readonly torrent: string;
}

/** Prints the page, or with `--json` one object, on stdout. */
export const info = (input: InfoInput) =>
  Effect.gen(function* () {
    const screen = yield* Screen;
    const source = yield* readSource(input.torrent);
    screen.print(input.json ? `${JSON.stringify(data(source))}\n` : page(source));
  }).pipe(withOutput(input));
