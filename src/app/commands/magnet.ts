/** `bt-effect magnet <torrent>`: prints the magnet link of a torrent; with `--save` it fetches the torrent of a magnet link from peers instead. */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { payloadLength } from "../../schema/geometry.ts";
import { formatMagnet } from "../../schema/magnet.ts";
import type { Metainfo, TorrentInfo } from "../../schema/metainfo.ts";
import { encodeMetainfo } from "../../schema/metainfo/write.ts";
import type { TorrentSource } from "../../streams/request.ts";
import { request as requestOf } from "../../streams/request.ts";
import * as Text from "../display/text.ts";
import { magnetOf } from "../infoPage.ts";
import { withOutput } from "../output.ts";
import { printResults } from "../results.ts";
import { canSave, saveBytes } from "../saving.ts";
import { Screen } from "../Screen/Screen.ts";
import { readSource } from "../source.ts";
import type { TransferInput } from "../transfer.ts";

/** What is said of payload, of which there is none here. */
const NO_PAYLOAD = {
  check: false,
  downloadLimit: Option.none<number>(),
  uploadLimit: Option.none<number>(),
  seedRatio: Option.none<number>(),
  seedTime: Option.none<number>(),
  superSeed: false,
};

/** What the command line says. */
export interface MagnetInput extends Omit<TransferInput, keyof typeof NO_PAYLOAD> {
  /** Where the .torrent goes. */
  readonly save: Option.Option<string>;
  /** Milliseconds. */
  readonly timeout: Option.Option<number>;
}

/** The .torrent of the metadata and of what its link, or the torrent that it came from, says. */
const torrentOf = (info: TorrentInfo, source: TorrentSource, pieceLayers: Metainfo["pieceLayers"]): Uint8Array => {
  const from = source._tag === "Magnet" ? source.magnet : source.metainfo;
  // A link knows no tiers: each tracker is one of its own (BEP 9).
  const trackers = source._tag === "Magnet" ? source.magnet.trackers.map((url) => [url]) : source.metainfo.trackers;
  return encodeMetainfo(info.bytes, {
    trackers,
    webSeeds: from.webSeeds,
    ...(info.version !== "v1" && { pieceLayers }),
  });
};

/** Prints the link; that of a link is itself, put in order. */
const print = (input: MagnetInput) =>
  Effect.gen(function* () {
    const screen = yield* Screen;
    const source = yield* readSource(input.torrent, Option.getOrUndefined(input.proxy));
    const link = source._tag === "Metainfo" ? magnetOf(source.metainfo) : formatMagnet(source.magnet);
    if (input.json) yield* printResults([{ type: "magnet", magnet: link }]);
    else screen.print(`${link}\n`);
  });

/** Meets the swarm until the metadata is there, and writes it. */
const save = (asked: MagnetInput, output: string) =>
  Effect.gen(function* () {
    const input = { ...asked, ...NO_PAYLOAD };
    const screen = yield* Screen;
    const { commonOf, transfer } = yield* Effect.promise(() => import("../transfer.ts"));
    const { fetchMetadata } = yield* Effect.promise(() => import("../../streams/download.ts"));
    yield* canSave(output);
    const saved = yield* Deferred.make<readonly [info: TorrentInfo, torrent: Uint8Array]>();
    yield* transfer(
      input,
      (given) =>
        Effect.succeed({
          ...requestOf(given.source, given.folder),
          ...commonOf(input, given),
          ...(Option.isSome(input.timeout) && { timeout: input.timeout.value }),
        }),
      (request, stop) =>
        fetchMetadata(
          request,
          {
            layers: true,
            learned: (info, layers) =>
              Effect.asVoid(Deferred.succeed(saved, [info, torrentOf(info, request.source, layers)])),
          },
          stop,
        ),
    );
    const [info, torrent] = yield* Deferred.await(saved);
    yield* saveBytes(output, torrent);
    if (!input.json && !input.quiet && output !== "-")
      screen.write(
        `${Text.printable(`${info.name}: ${Text.size(payloadLength(info))}, ${info.infoHash.hex}: ${output}`)}\n`,
      );
  });

/** Prints or saves. */
export const magnet = (input: MagnetInput) =>
  Effect.suspend(() => (Option.isSome(input.save) ? save(input, input.save.value) : print(input))).pipe(
    withOutput(input),
  );
