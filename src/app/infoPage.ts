/** What is in a torrent, as a page for people and as one object for scripts (`info`, `info --json`). Pure. */
import * as Hex from "effect/encoding/Hex";
import { payloadLength } from "../schema/geometry.ts";
import type { Magnet } from "../schema/magnet.ts";
import { formatMagnet } from "../schema/magnet.ts";
import type { Metainfo, TorrentFile } from "../schema/metainfo.ts";
import type { TorrentSource } from "../streams/request.ts";
import * as Text from "./display/text.ts";
import { formatHostPort } from "../schema/hostPort.ts";

/** Cells of the labels' column. */
const LABEL_CELLS = 12;

/** The magnet link of a torrent: hashes, name, size, trackers and web seeds. */
export const magnetOf = ({ info, trackers, webSeeds }: Metainfo): string =>
  formatMagnet({
    infoHash: info.infoHash,
    ...(info.infoHashV1 !== undefined && { infoHashV1: info.infoHashV1 }),
    ...(info.infoHashV2 !== undefined && { infoHashV2: info.infoHashV2 }),
    name: info.name,
    length: payloadLength(info),
    trackers: trackers.flat(),
    webSeeds,
    peers: [],
    nodes: [],
  });

const dateOf = (secondsSince1970: number | undefined): string | undefined => {
  const date = new Date((secondsSince1970 ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
};

/** A label with its values, one a line; nothing when there are none. */
export const field = (label: string, values: ReadonlyArray<string | undefined>): ReadonlyArray<string> =>
  values
    .filter((value) => value !== undefined)
    .map((value, index) => Text.pad(index === 0 ? label : "", LABEL_CELLS) + Text.printable(value));

/** The hashes of the versions that there are, in full. */
export const hashes = (of: { readonly infoHashV1?: string; readonly infoHashV2?: string }) => [
  ...(of.infoHashV1 === undefined ? [] : [`${of.infoHashV1} (v1)`]),
  ...(of.infoHashV2 === undefined ? [] : [`${of.infoHashV2} (v2)`]),
];

interface Leaf {
  readonly index: number;
  readonly file: TorrentFile;
}

/** A folder: what is in it by name, in the order of the torrent. */
interface Folder {
  readonly entries: Map<string, Folder | Leaf>;
  /** Bytes of all that is in it. */
  size: number;
}

const isFolder = (entry: Folder | Leaf | undefined): entry is Folder => entry !== undefined && "size" in entry;

const treeOf = (files: ReadonlyArray<TorrentFile>): Folder => {
  const root: Folder = { entries: new Map(), size: 0 };
  for (const [index, file] of files.entries()) {
    if (file.pad) continue;
    let folder = root;
    folder.size += file.length;
    for (const name of file.path.slice(0, -1)) {
      const there = folder.entries.get(name);
      const inner: Folder = isFolder(there) ? there : { entries: new Map(), size: 0 };
      folder.entries.set(name, inner);
      inner.size += file.length;
      folder = inner;
    }
    folder.entries.set(file.path.at(-1) ?? "", { index, file });
  }
  return root;
};

/** The tree of files: number, size and name of each; folders with the size of what is in them. */
const fileLines = (files: ReadonlyArray<TorrentFile>): ReadonlyArray<string> => {
  const cells = String(files.length - 1).length;
  const line = (index: string, size: number, depth: number, name: string): string =>
    `  ${index.padStart(cells)}  ${Text.size(size).padStart(9)}  ${"  ".repeat(depth)}${Text.printable(name)}`;
  const linesOf = (folder: Folder, depth: number): ReadonlyArray<string> =>
    [...folder.entries].flatMap(([name, entry]) => {
      if (isFolder(entry)) return [line("", entry.size, depth, `${name}/`), ...linesOf(entry, depth + 1)];
      const { executable, length, symlink } = entry.file;
      const target = symlink === undefined ? "" : ` -> ${symlink.join("/")}`;
      return [line(String(entry.index), length, depth, `${name}${executable ? "*" : ""}${target}`)];
    });
  return linesOf(treeOf(files), 0);
};

const torrentPage = (metainfo: Metainfo): ReadonlyArray<string> => {
  const { info } = metainfo;
  const files = info.files.filter((file) => !file.pad);
  const size = payloadLength(info);
  const tiers = metainfo.trackers.flatMap((tier, index) =>
    tier.map((url) => (metainfo.trackers.length === 1 ? url : `${url} (tier ${index + 1})`)),
  );
  return [
    ...field("Name", [info.name]),
    ...field("Version", [info.version === "hybrid" ? "hybrid (v1 and v2)" : info.version]),
    ...field("Info-hash", hashes(info)),
    ...field("Size", [`${Text.size(size)} (${size} bytes)`]),
    ...field("Pieces", [`${info.pieceCount} of ${Text.size(info.pieceLength)}`]),
    ...field("Private", [info.private ? "yes" : "no"]),
    ...field("Source", [info.source]),
    ...field("Comment", [metainfo.comment]),
    ...field("Created", [dateOf(metainfo.creationDate)]),
    ...field("Created by", [metainfo.createdBy]),
    ...field("Trackers", tiers.length === 0 ? ["none"] : tiers),
    ...field("Web seeds", [...metainfo.webSeeds, ...metainfo.httpSeeds]),
    ...field("DHT nodes", metainfo.nodes.map(formatHostPort)),
    ...field(
      "Renamed",
      info.renamed.map(({ from, to }) => `${from} -> ${to}`),
    ),
    ...field("Oddities", metainfo.warnings),
    ...field("Magnet", [magnetOf(metainfo)]),
    ...field("Files", [String(files.length)]),
    ...fileLines(info.files),
  ];
};

const magnetPage = (magnet: Magnet): ReadonlyArray<string> => [
  ...field("Name", [magnet.name ?? "unknown until its metadata is fetched from peers"]),
  ...field("Info-hash", hashes(magnet)),
  ...field("Size", [magnet.length === undefined ? undefined : `${Text.size(magnet.length)} (${magnet.length} bytes)`]),
  ...field("Trackers", magnet.trackers.length === 0 ? ["none"] : magnet.trackers),
  ...field("Web seeds", magnet.webSeeds),
  ...field("Peers", magnet.peers.map(formatHostPort)),
  ...field("DHT nodes", magnet.nodes.map(formatHostPort)),
  ...field("Magnet", [formatMagnet(magnet)]),
];

/** The page for people, with its last line end. */
export const page = (source: TorrentSource): string =>
  `${(source._tag === "Metainfo" ? torrentPage(source.metainfo) : magnetPage(source.magnet)).join("\n")}\n`;

/** The object for scripts; sizes in bytes. */
export const data = (source: TorrentSource): unknown => {
  if (source._tag === "Magnet") {
    const { infoHash, ...magnet } = source.magnet;
    return { kind: "magnet", infoHash: infoHash.hex, ...magnet, magnet: formatMagnet(source.magnet) };
  }
  const { info, ...metainfo } = source.metainfo;
  const created = dateOf(metainfo.creationDate);
  return {
    kind: "torrent",
    name: info.name,
    version: info.version,
    layout: info.layout,
    infoHash: info.infoHash.hex,
    infoHashV1: info.infoHashV1,
    infoHashV2: info.infoHashV2,
    size: payloadLength(info),
    pieceLength: info.pieceLength,
    pieceCount: info.pieceCount,
    private: info.private,
    source: info.source,
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    created,
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    httpSeeds: metainfo.httpSeeds,
    nodes: metainfo.nodes,
    renamed: info.renamed,
    warnings: metainfo.warnings,
    magnet: magnetOf(source.metainfo),
    files: info.files.map((file, index) => ({
      index,
      path: file.path.join("/"),
      size: file.length,
      pad: file.pad,
      executable: file.executable,
      hidden: file.hidden,
      symlink: file.symlink?.join("/"),
      piecesRoot: file.piecesRoot && Hex.encode(file.piecesRoot),
    })),
  };
};
