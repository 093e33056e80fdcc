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

const mebibyte = 1024 * 1024;

/** What to make. The payload is `size` bytes of noise, `repeat` times in a row: only one copy of it is kept. */
export interface PayloadSpec {
  readonly name: string;
  readonly size: number;
  readonly pieceLength: number;
  readonly repeat: number;
  /** How many files it is cut into, most of them small; one file that is not in a folder when absent. Only where `repeat` is 1. */
  readonly files?: number;
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
  /** 40 hexadecimal digits. */
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

const infoOf = (blob: string, spec: PayloadSpec, torrentName: string): Buffer => {
  const list = layoutOf(spec).map(({ path, length }) =>
    Buffer.concat([Buffer.from(`d6:lengthi${length}e4:pathl`), ...path.map(string), Buffer.from("ee")]),
  );
  return Buffer.concat([
    ...(spec.files === undefined
      ? [Buffer.from(`d6:lengthi${spec.size * spec.repeat}e`)]
      : [Buffer.from("d5:filesl"), ...list, Buffer.from("e")]),
    Buffer.from("4:name"),
    string(torrentName),
    Buffer.from(`12:piece lengthi${spec.pieceLength}e6:pieces`),
    string(pieceHashes(blob, spec)),
    // Private (BEP 27): no client may look for peers anywhere but at the tracker on loopback.
    Buffer.from("7:privatei1ee"),
  ]);
};

/** Makes a payload in `folder`, or finds it there from an earlier run. */
export const makePayload = (folder: string, spec: PayloadSpec): Payload => {
  mkdirSync(folder, { recursive: true });
  const [blob, infoFile, digest] = ["bin", "private.info", "sha256"].map((end) =>
    join(folder, `${spec.name}.${end}`),
  ) as [string, string, string];
  const torrentName = spec.files === undefined ? `${spec.name}.bin` : spec.name;
  if (![blob, infoFile, digest].every((path) => existsSync(path)) || statSync(blob).size !== spec.size) {
    writeNoise(blob, spec.name, spec.size);
    writeFileSync(infoFile, infoOf(blob, spec, torrentName));
    writeFileSync(digest, sha256(...Array.from({ length: spec.repeat }, () => blob)));
  }
  const info = readFileSync(infoFile);
  return {
    ...spec,
    total: spec.size * spec.repeat,
    torrentName,
    layout: layoutOf(spec),
    blob,
    info,
    infoFile,
    infoHash: createHash("sha1").update(info).digest("hex"),
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
export const torrentFile = (payload: Payload, tracker: string): Buffer =>
  Buffer.concat([Buffer.from("d8:announce"), string(tracker), Buffer.from("4:info"), payload.info, Buffer.from("e")]);

/** A magnet link with one tracker. */
export const magnetLink = (payload: Payload, tracker: string): string =>
  `magnet:?xt=urn:btih:${payload.infoHash}&dn=${payload.torrentName}&tr=${encodeURIComponent(tracker)}`;
