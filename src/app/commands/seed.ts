/** `bt-effect seed <torrent> <path>`: shares what is on disk already, and fetches nothing. */
import * as Effect from "effect/Effect";
import type { DownloadRequest } from "../../streams/request.ts";
import { withOutput } from "../output.ts";
import { commonOf, type Given, transfer, type TransferInput } from "../transfer.ts";

/** What the command line says. */
export interface SeedInput extends TransferInput {
  /** The payload itself or the folder that holds it. */
  readonly path: string;
}

/** The request that the command line makes. */
export const requestOf = (input: SeedInput, given: Given): DownloadRequest => ({
  ...commonOf(input, given),
  out: input.path,
  select: [],
  sequential: false,
  overwrite: false,
  seed: true,
  shareOnly: true,
});

/** Shares. */
export const seed = (input: SeedInput) =>
  transfer(input, (given) => Effect.succeed(requestOf(input, given))).pipe(withOutput(input));
