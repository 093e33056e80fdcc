/** What a session is for: the content of a torrent, or no more than what a .torrent says of it. */
import * as Effect from "effect/Effect";
import type { DownloadError } from "../schema/errors/DownloadError.ts";
import type { Metainfo, TorrentInfo } from "../schema/metainfo.ts";
import type { Events } from "../services/Events.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import { type Asked, knownLayers, wholeLayers } from "./hashes/whole.ts";
import type { TorrentSource } from "./request.ts";

/** What metadata is fetched for. */
export interface Learning {
  /** Waits for all piece layers of v2 too (BEP 52), not only for the info dictionary. */
  readonly layers: boolean;
  /** Told of what a .torrent says of the content; of the layers there may be none where they are not waited for. */
  readonly learned: (info: TorrentInfo, pieceLayers: Metainfo["pieceLayers"]) => Effect.Effect<void>;
}

/** For the sake of metadata nothing is written but the record of that, and the session ends once `learned` was told. */
export type Goal = { readonly _tag: "Content" } | ({ readonly _tag: "Metadata" } & Learning);

const layersIn = (source: TorrentSource): Metainfo["pieceLayers"] | undefined =>
  source._tag === "Metainfo" ? source.metainfo.pieceLayers : undefined;

/** Tells what is wanted of metadata where nobody has to be asked for it; whether it did. */
export const tellKnown = Effect.fnUntraced(function* (
  goal: Goal,
  source: TorrentSource,
  known: TorrentInfo | undefined,
): Effect.fn.Return<boolean, never, ResumeStore | Hasher> {
  if (goal._tag === "Content" || known === undefined) return false;
  const given = layersIn(source);
  const layers = goal.layers ? yield* knownLayers(known, given) : (given ?? new Map());
  if (layers === undefined) return false;
  yield* goal.learned(known, layers);
  return true;
});

/** Tells of the metadata once it and its layers are there. */
export const tellFetched = Effect.fnUntraced(function* <R>(
  { layers, learned }: Extract<Goal, { readonly _tag: "Metadata" }>,
  source: TorrentSource,
  from: { readonly info: Effect.Effect<TorrentInfo, DownloadError, R>; readonly asked: Asked },
): Effect.fn.Return<void, DownloadError, ResumeStore | Hasher | Events | R> {
  const info = yield* from.info;
  const given = layersIn(source);
  yield* learned(info, layers ? yield* wholeLayers(info, given, from.asked) : (given ?? new Map()));
});
