/** What a session is for: the content of a torrent, or no more than what a .torrent says of it. */
import * as Effect from "effect/Effect";
import type { DownloadError } from "../schema/errors/DownloadError.ts";
import type { Metainfo, TorrentInfo } from "../schema/metainfo.ts";
import type { Events } from "../services/Events.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { HashFetching } from "./hashes/fetching.ts";
import { knownLayers, wholeLayers } from "./hashes/whole.ts";
import type { TorrentSource } from "./request.ts";

/** Told of all that a .torrent says of the content: the info dictionary, and the piece layers of v2 (BEP 52). */
export type Learned = (info: TorrentInfo, pieceLayers: Metainfo["pieceLayers"]) => Effect.Effect<void>;

/** For the sake of metadata nothing is written but the record of that, and the session ends once `learned` was told. */
export type Goal = { readonly _tag: "Content" } | { readonly _tag: "Metadata"; readonly learned: Learned };

const layersIn = (source: TorrentSource) => (source._tag === "Metainfo" ? source.metainfo.pieceLayers : undefined);

/** Tells what is wanted of metadata where nobody has to be asked for it; whether it did. */
export const tellKnown = Effect.fnUntraced(function* (
  goal: Goal,
  source: TorrentSource,
  known: TorrentInfo | undefined,
): Effect.fn.Return<boolean, never, ResumeStore | Hasher> {
  if (goal._tag === "Content" || known === undefined) return false;
  const layers = yield* knownLayers(known, layersIn(source));
  if (layers === undefined) return false;
  yield* goal.learned(known, layers);
  return true;
});

/** Tells of the metadata once it and its layers are there. */
export const tellFetched = Effect.fnUntraced(function* <R>(
  { learned }: Extract<Goal, { readonly _tag: "Metadata" }>,
  source: TorrentSource,
  from: { readonly info: Effect.Effect<TorrentInfo, DownloadError, R>; readonly fetching: HashFetching },
): Effect.fn.Return<void, DownloadError, ResumeStore | Hasher | Events | R> {
  const info = yield* from.info;
  yield* learned(info, yield* wholeLayers(info, layersIn(source), from.fetching));
});
