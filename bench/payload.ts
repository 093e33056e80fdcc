/** What is downloaded in the benchmark: seeded pseudo-random files in memory-backed storage, and the .torrent files and magnets of them. */
import { createCipheriv, createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const mebibyte = 1024 * 1024;

/** What to make. The payload is `size` bytes of noise, `repeat` times in a row: only one copy of it is kept. */
export interface PayloadSpec {
  readonly name: string;
  readonly size: number;
  readonly pieceLength: number;
  readonly repeat: number;
}

/** A payload that was made. */
export interface Payload extends PayloadSpec {
  readonly total: number;
  /** File with one copy of the noise. */
  readonly blob: string;
  /** The bytes of the info dictionary. */
  readonly info: Buffer;
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

/** SHA-256 of a file, hexadecimal; of `repeat` times its content when that is given. */
export const sha256 = (path: string, repeat = 1): string => {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(4 * mebibyte);
  for (let round = 0; round < repeat; round++) {
    const file = openSync(path, "r");
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) hash.update(chunk.subarray(0, read));
    closeSync(file);
  }
  return hash.digest("hex");
};

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

/** Makes a payload in `folder`, or finds it there from an earlier run. */
export const makePayload = (folder: string, spec: PayloadSpec): Payload => {
  mkdirSync(folder, { recursive: true });
  const blob = join(folder, `${spec.name}.bin`);
  const total = spec.size * spec.repeat;
  const cached = join(folder, `${spec.name}.private.json`);
  if (!existsSync(blob) || !existsSync(cached) || statSync(blob).size !== spec.size) {
    writeNoise(blob, spec.name, spec.size);
    const info = Buffer.concat([
      Buffer.from(`d6:lengthi${total}e4:name`),
      string(`${spec.name}.bin`),
      Buffer.from(`12:piece lengthi${spec.pieceLength}e6:pieces`),
      string(pieceHashes(blob, spec)),
      // Private (BEP 27): no client may look for peers anywhere but at the tracker on loopback.
      Buffer.from("7:privatei1ee"),
    ]);
    writeFileSync(cached, JSON.stringify({ info: info.toString("base64"), sha256: sha256(blob, spec.repeat) }));
  }
  // Written by the lines above.
  const { info, sha256: digest } = JSON.parse(readFileSync(cached, "utf8")) as { info: string; sha256: string };
  const bytes = Buffer.from(info, "base64");
  const infoHash = createHash("sha1").update(bytes).digest("hex");
  return { ...spec, total, blob, info: bytes, infoHash, sha256: digest };
};

/** The bytes of a .torrent file with one tracker. */
export const torrentFile = (payload: Payload, tracker: string): Buffer =>
  Buffer.concat([Buffer.from("d8:announce"), string(tracker), Buffer.from("4:info"), payload.info, Buffer.from("e")]);

/** A magnet link with one tracker. */
export const magnetLink = (payload: Payload, tracker: string): string =>
  `magnet:?xt=urn:btih:${payload.infoHash}&dn=${payload.name}.bin&tr=${encodeURIComponent(tracker)}`;
