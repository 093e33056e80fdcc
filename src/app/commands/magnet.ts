/** `bt-effect magnet <torrent>`: prints the magnet link of a torrent. */
import * as Effect from "effect/Effect";
import { formatMagnet } from "../../schema/magnet.ts";
import { magnetOf } from "../infoPage.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { Screen } from "../Screen/Screen.ts";
import { readSource } from "../source.ts";

/** What the command line says. */
export interface MagnetInput extends OutputFlags {
  readonly torrent: string;
}

/** Prints the link; that of a link is itself, put in order. */
export const magnet = (input: MagnetInput) =>
  Effect.gen(function* () {
    const screen = yield* Screen;
    const source = yield* readSource(input.torrent);
    const link = source._tag === "Metainfo" ? magnetOf(source.metainfo) : formatMagnet(source.magnet);
    screen.print(input.json ? `${JSON.stringify({ type: "magnet", magnet: link })}\n` : `${link}\n`);
  }).pipe(withOutput(input));
