/** What is downloaded in the benchmark: seeded pseudo-random files in memory-backed storage, and the .torrent files and magnets of them. */
import { createCipheriv, createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { LEAF_BLOCK, layerRoot, nodeOver } from "../src/schema/merkle.ts";
import { pieceLevel } from "../src/schema/pieceHashes.ts";
import { digests } from "../src/services/digests.ts";

const mebibyte = 1024 * 1024;

/** What to make. The payload is `size` bytes of noise, `repeat` times in a row: only one copy of it is kept. */
export interface PayloadSpec {
  readonly name: string;
  readonly size: number;
  readonly pieceLength: number;
  readonly repeat: number;
  /** How many files it is cut into, most of them small; one file that is not in a folder when absent. Only where `repeat` is 1. */
  readonly files?: number;
  /** v1 when absent. Only of one file, and where `repeat` is 1. */
  readonly version?: "v2" | "hybrid";
}

/** A file of a payload. */
export interface PayloadFile {
  /** Below the torrent's own name; nothing for the file that has that name itself. */
  readonly path: ReadonlyArray<string>;
  readonly length: number;
}

/** A payload that was made. */
export interface Payload extends PayloadSpec {
  readonly total: number;
  /** The torrent's own name: of its file, or of the folder of its files. */
  readonly torrentName: string;
  readonly layout: ReadonlyArray<PayloadFile>;
  /** File with one copy of the noise. */
  readonly blob: string;
  /** The bytes of the info dictionary. */
  readonly info: Buffer;
  /** File with the same. */
  readonly infoFile: string;
  /** The value of `piece layers` (BEP 52); empty in v1. */
  readonly layers: Buffer;
  /** 40 hexadecimal digits; of v2 the first ones of its hash, as on the wire. */
  readonly infoHash: string;
  /** SHA-256 of the whole payload, hexadecimal. */
  readonly sha256: string;
}

const string = (value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from(`${bytes.length}:`), bytes]);
};

/** Writes deterministic noise: an AES keystream over zeros, keyed by the name. */
const writeNoise = (path: string, name: string, size: number): void => {
  const cipher = createCipheriv("aes-128-ctr", createHash("md5").update(name).digest(), Buffer.alloc(16));
  const zeros = Buffer.alloc(mebibyte);
  const file = openSync(path, "w");
  for (let at = 0; at < size; at += mebibyte)
    writeSync(file, cipher.update(zeros.subarray(0, Math.min(mebibyte, size - at))));
  closeSync(file);
};

/** SHA-256 of these files one after the other, hexadecimal. */
export const sha256 = (...paths: ReadonlyArray<string>): string => {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(4 * mebibyte);
  for (const path of paths) {
    const file = openSync(path, "r");
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) hash.update(chunk.subarray(0, read));
    closeSync(file);
  }
  return hash.digest("hex");
};

/** Sizes of files as they are met, most of them far below the mean and some far above it; the same ones each time. */
const sizes = (total: number, count: number): ReadonlyArray<number> => {
  const noise = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(8 * count));
  const share = (nth: number): number => (noise.readUInt32BE(4 * nth) + 1) / 2 ** 32;
  // Log-normal, by Box and Muller.
  const weights = Array.from({ length: count }, (_, nth) =>
    Math.exp(1.6 * Math.sqrt(-2 * Math.log(share(nth))) * Math.cos(2 * Math.PI * share(count + nth))),
  );
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const rounded = weights.map((weight) => Math.max(1, Math.floor((weight / sum) * total)));
  const largest = rounded.indexOf(Math.max(...rounded));
  const missing = total - rounded.reduce((all, size) => all + size, 0);
  return rounded.map((size, nth) => (nth === largest ? size + missing : size));
};

const layoutOf = ({ size, repeat, files }: PayloadSpec): ReadonlyArray<PayloadFile> =>
  files === undefined
    ? [{ path: [], length: size * repeat }]
    : sizes(size, files).map((length, nth) => ({
        path: [`folder-${String(nth % 20).padStart(2, "0")}`, `file-${String(nth).padStart(4, "0")}.bin`],
        length,
      }));

const pieceHashes = (path: string, spec: PayloadSpec): Buffer => {
  const hashes: Array<Buffer> = [];
  const piece = Buffer.allocUnsafe(spec.pieceLength);
  const file = openSync(path, "r");
  for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
    hashes.push(createHash("sha1").update(piece.subarray(0, read)).digest());
  }
  closeSync(file);
  return Buffer.concat(Array.from({ length: spec.repeat }, () => Buffer.concat(hashes)));
};

/** The nodes of all pieces, one after the other (BEP 52). */
const pieceLayer = (path: string, { pieceLength }: PayloadSpec): Buffer => {
  const nodes: Array<Uint8Array> = [];
  const piece = Buffer.allocUnsafe(pieceLength);
  const file = openSync(path, "r");
  for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
    const leaves = Array.from({ length: Math.ceil(read / LEAF_BLOCK) }, (_, nth) =>
      digests.sha256(piece.subarray(nth * LEAF_BLOCK, Math.min((nth + 1) * LEAF_BLOCK, read))),
    );
    nodes.push(nodeOver(Buffer.concat(leaves), 0, pieceLevel(pieceLength), digests.sha256));
  }
  closeSync(file);
  return Buffer.concat(nodes);
};

/** What v2 says of the one file: the value of `file tree`, and that of `piece layers`. */
const treeOf = (
  blob: string,
  spec: PayloadSpec,
  torrentName: string,
): { readonly tree: Buffer; readonly layers: Buffer } => {
  const layer = pieceLayer(blob, spec);
  const root = layerRoot(layer, pieceLevel(spec.pieceLength), digests.sha256);
  const tree = Buffer.concat([
    Buffer.from("d"),
    string(torrentName),
    Buffer.from(`d0:d6:lengthi${spec.size}e11:pieces root`),
    string(root),
    Buffer.from("eee"),
  ]);
  const layers = Buffer.concat([Buffer.from("d"), string(root), string(layer), Buffer.from("e")]);
  return { tree, layers };
};

const infoOf = (blob: string, spec: PayloadSpec, torrentName: string, tree: Buffer | undefined): Buffer => {
  const v1 = spec.version !== "v2";
  const list = layoutOf(spec).map(({ path, length }) =>
    Buffer.concat([Buffer.from(`d6:lengthi${length}e4:pathl`), ...path.map(string), Buffer.from("ee")]),
  );
  return Buffer.concat([
    Buffer.from("d"),
    ...(tree === undefined ? [] : [Buffer.from("9:file tree"), tree]),
    ...(spec.files !== undefined
      ? [Buffer.from("5:filesl"), ...list, Buffer.from("e")]
      : v1
        ? [Buffer.from(`6:lengthi${spec.size * spec.repeat}e`)]
        : []),
    ...(tree === undefined ? [] : [Buffer.from("12:meta versioni2e")]),
    Buffer.from("4:name"),
    string(torrentName),
    Buffer.from(`12:piece lengthi${spec.pieceLength}e`),
    ...(v1 ? [Buffer.from("6:pieces"), string(pieceHashes(blob, spec))] : []),
    // Private (BEP 27): no client may look for peers anywhere but at the tracker on loopback.
    Buffer.from("7:privatei1ee"),
  ]);
};

/** Makes a payload in `folder`, or finds it there from an earlier run. */
export const makePayload = (folder: string, spec: PayloadSpec): Payload => {
  mkdirSync(folder, { recursive: true });
  const file = (...ends: ReadonlyArray<string>): string => join(folder, [spec.name, ...ends].join("."));
  const described = spec.version === undefined ? [] : [spec.version];
  const [blob, digest] = [file("bin"), file("sha256")];
  const [infoFile, layersFile] = [file(...described, "private.info"), file(...described, "layers")];
  const torrentName = spec.files === undefined ? `${spec.name}.bin` : spec.name;
  if (![blob, digest].every((path) => existsSync(path)) || statSync(blob).size !== spec.size) {
    writeNoise(blob, spec.name, spec.size);
    writeFileSync(digest, sha256(...Array.from({ length: spec.repeat }, () => blob)));
  }
  if (![infoFile, layersFile].every((path) => existsSync(path))) {
    const v2 = spec.version === undefined ? undefined : treeOf(blob, spec, torrentName);
    writeFileSync(infoFile, infoOf(blob, spec, torrentName, v2?.tree));
    writeFileSync(layersFile, v2?.layers ?? "");
  }
  const info = readFileSync(infoFile);
  const infoHash = createHash(spec.version === "v2" ? "sha256" : "sha1");
  return {
    ...spec,
    total: spec.size * spec.repeat,
    torrentName,
    layout: layoutOf(spec),
    blob,
    info,
    infoFile,
    layers: readFileSync(layersFile),
    infoHash: infoHash.update(info).digest("hex").slice(0, 40),
    sha256: readFileSync(digest, "utf8"),
  };
};

/** Why what lies in `folder` is not the payload; nothing when it is. */
export const verify = (payload: Payload, folder: string): string | undefined => {
  const paths = payload.layout.map(({ path }) => join(folder, payload.torrentName, ...path));
  for (const [nth, path] of paths.entries()) {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) return `no file ${path.slice(folder.length + 1)}`;
    if (size !== payload.layout[nth]?.length) return `wrong size of ${path.slice(folder.length + 1)}`;
  }
  return sha256(...paths) === payload.sha256 ? undefined : "wrong content";
};

/** Puts a payload of one file into `folder`, without a copy. */
export const place = (payload: Payload, folder: string): void => {
  const path = join(folder, payload.torrentName);
  mkdirSync(dirname(path), { recursive: true });
  linkSync(payload.blob, path);
};

/** Nobody answers there: for those that have nobody to talk to, or are found in another way. */
export const noTracker = "http://127.0.0.1:9/announce";

/** The bytes of a .torrent file with one tracker. */
export const torrentFile = ({ info, layers }: Payload, tracker: string): Buffer =>
  Buffer.concat([
    Buffer.from("d8:announce"),
    string(tracker),
    Buffer.from("4:info"),
    info,
    ...(layers.length === 0 ? [] : [Buffer.from("12:piece layers"), layers]),
    Buffer.from("e"),
  ]);

/** A magnet link of a v1 torrent, with one tracker. */
export const magnetLink = (payload: Payload, tracker: string): string =>
  `magnet:?xt=urn:btih:${payload.infoHash}&dn=${payload.torrentName}&tr=${encodeURIComponent(tracker)}`;
