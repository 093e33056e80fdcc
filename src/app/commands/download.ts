/** `bt-effect <torrent> [out]`: fetches a torrent and shows how it goes. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { TorrentInfo } from "../../schema/metainfo.ts";
import type { DownloadRequest, SelectPattern } from "../../streams/request.ts";
import { withOutput } from "../output.ts";
import { commonOf, type Given, transfer, type TransferInput } from "../transfer.ts";

/** What the command line says. */
export interface DownloadInput extends TransferInput {
  readonly out: Option.Option<string>;
  readonly select: ReadonlyArray<SelectPattern>;
  readonly pick: boolean;
  readonly sequential: boolean;
  readonly overwrite: boolean;
  readonly timeout: Option.Option<number>;
  readonly seed: boolean;
  readonly dryRun: boolean;
}

/** The request that the command line makes. A goal for sharing asks for sharing. */
export const requestOf = (input: DownloadInput, given: Given): DownloadRequest => ({
  ...commonOf(input, given),
  ...(Option.isSome(input.out) && { out: input.out.value }),
  ...(Option.isSome(input.timeout) && { timeout: input.timeout.value }),
  select: input.select,
  sequential: input.sequential,
  overwrite: input.overwrite,
  seed: input.seed || input.superSeed || Option.isSome(input.seedRatio) || Option.isSome(input.seedTime),
  shareOnly: false,
});

/** The request that the command line makes, after the user was asked for what it leaves to them; `learn` gets the metadata of a link. */
export const askedRequest = <E, R>(
  input: DownloadInput,
  given: Given,
  learn: (request: DownloadRequest) => Effect.Effect<TorrentInfo, E, R>,
) => {
  const request = requestOf(input, given);
  return input.pick
    ? Effect.flatMap(
        Effect.promise(() => import("../picking.ts")),
        ({ pick }) => pick(request, learn),
      )
    : Effect.succeed(request);
};

/** Downloads. */
export const download = (input: DownloadInput) =>
  transfer(input, (given, learn) => askedRequest(input, given, learn)).pipe(withOutput(input));
