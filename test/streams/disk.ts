/** Torrents of known bytes, and a machine in memory to keep them on; for the tests of the disk's side of the pipeline. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { createHash } from "node:crypto";
import { fromBytes } from "../../src/schema/infoHash.ts";
import type { TorrentFile, TorrentInfo } from "../../src/schema/metainfo.ts";
import { Events } from "../../src/services/Events.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import * as MemoryResume from "../../src/services/ResumeStore/memory.ts";
import * as MemoryStorage from "../../src/services/Storage/memory.ts";
import { request, type DownloadRequest } from "../../src/streams/request.ts";

/** A file of a made-up torrent. */
export type FileSpec = { readonly length: number } & Partial<TorrentFile>;

/** A torrent of these files and its bytes: never zero but in pads. */
export const torrentOf = (
  specs: ReadonlyArray<FileSpec>,
  options: { readonly pieceLength?: number; readonly name?: string; readonly seed?: number } = {},
): { readonly info: TorrentInfo; readonly bytes: Uint8Array } => {
  const { pieceLength = 16, name = "name", seed = 1 } = options;
  let totalLength = 0;
  const files = specs.map((spec, index): TorrentFile => {
    const offset = totalLength;
    totalLength += spec.length;
    return { path: [`f${index}`], pad: false, executable: false, hidden: false, ...spec, offset };
  });
  const bytes = Uint8Array.from({ length: totalLength }, (_, at) => ((at * 7 + (at >> 8) * 13 + seed * 3) % 255) + 1);
  for (const file of files) if (file.pad) bytes.fill(0, file.offset, file.offset + file.length);
  const pieceCount = Math.ceil(totalLength / pieceLength);
  const pieces = Buffer.concat(
    Array.from({ length: pieceCount }, (_, index) =>
      createHash("sha1")
        .update(bytes.subarray(index * pieceLength, (index + 1) * pieceLength))
        .digest(),
    ),
  );
  const infoBytes = new TextEncoder().encode(`${name}${seed}${specs.length}`);
  const info: TorrentInfo = {
    version: "v1",
    infoHash: Option.getOrThrow(fromBytes(createHash("sha1").update(infoBytes).digest())),
    name,
    layout: specs.length === 1 ? "single" : "multi",
    pieceLength,
    pieceCount,
    totalLength,
    files,
    pieces: new Uint8Array(pieces),
    private: false,
    bytes: infoBytes,
    renamed: [],
  };
  return { info, bytes };
};

/** A request for such a torrent, in `/d`. */
export const requestFor = (info: TorrentInfo, change: Partial<DownloadRequest> = {}): DownloadRequest => ({
  ...request(
    {
      _tag: "Metainfo",
      metainfo: { info, trackers: [], webSeeds: [], httpSeeds: [], nodes: [], pieceLayers: new Map(), warnings: [] },
    },
    "/d",
  ),
  ...change,
});

/** A fresh machine: an empty disk, an empty state folder. */
export const machine = Layer.suspend(() =>
  Layer.mergeAll(
    Layer.fresh(MemoryStorage.layer),
    Layer.fresh(MemoryResume.layer),
    Hasher.layer,
    Layer.fresh(Events.layer),
  ),
);

/** Runs a test on a machine of its own. */
export const onMachine = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.scoped, Effect.provide(machine, { local: true }));
