/**
 * Torrents of version 2 and hybrids, made the plain way from the words of BEP 52: trees by recursion over the bytes, nothing of what they are to test. Files
 * hold pseudo-random bytes.
 */
import { Result } from "effect";
import { hash } from "node:crypto";
import { encode } from "../../src/schema/bencode.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import { parseMetainfo } from "../../src/schema/metainfo/parse.ts";
import { digests } from "./digests.ts";
import type { Fixture } from "./swarm.ts";

const BLOCK = 16_384;

const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");

/** The node over `blocks` (a power of two) blocks, of which `bytes` are those that there are. */
export const nodeOf = (bytes: Uint8Array, blocks: number): Uint8Array => {
  if (blocks > 1) {
    const half = (blocks / 2) * BLOCK;
    return sha256(
      Buffer.concat([nodeOf(bytes.subarray(0, half), blocks / 2), nodeOf(bytes.subarray(half), blocks / 2)]),
    );
  }
  return bytes.length === 0 ? new Uint8Array(32) : sha256(bytes);
};

/** The root of a file's tree. */
export const rootOf = (bytes: Uint8Array): Uint8Array => {
  let blocks = 1;
  while (blocks * BLOCK < bytes.length) blocks *= 2;
  return nodeOf(bytes, blocks);
};

/** The piece layer of a file that is longer than a piece. */
export const layerOf = (bytes: Uint8Array, pieceLength: number): Uint8Array =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, index) =>
      nodeOf(bytes.subarray(index * pieceLength, (index + 1) * pieceLength), pieceLength / BLOCK),
    ),
  );

/** Pseudo-random bytes, the same for the same seed. */
const makeBytes = (length: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491 ^ Math.imul(seed + 1, 0x9e3779b1);
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
};

/** A torrent, its bytes with the gaps between files as zeros, and its files by name. */
export interface TreeFixture extends Fixture {
  readonly content: ReadonlyMap<string, Uint8Array>;
}

/** What is made. */
export interface TreeOptions {
  readonly version: "v2" | "hybrid";
  readonly pieceLength: number;
  readonly tracker?: string;
  /** Without piece layers, as a magnet link has none. */
  readonly bare?: boolean;
  readonly private?: boolean;
  /** The hybrid's v1 half ends with a pad, too. */
  readonly tailPad?: boolean;
  /** Changes the SHA-1 hashes of the hybrid. */
  readonly spoil?: (pieces: Uint8Array) => void;
  /** Same number, same bytes. */
  readonly seed?: number;
}

/** A torrent of the folder `many` with the given files, sorted by name. */
export const makeTreeFixture = (
  files: ReadonlyArray<readonly [name: string, length: number]>,
  options: TreeOptions,
): TreeFixture => {
  const { pieceLength, version } = options;
  const content = new Map(files.map(([name, length], index) => [name, makeBytes(length, index + (options.seed ?? 0))]));
  const tree = Dictionary.make(
    Object.fromEntries(
      [...content].map(([name, bytes]) => [
        name,
        Dictionary.make({
          "": Dictionary.make({
            length: bytes.length,
            "pieces root": bytes.length === 0 ? undefined : rootOf(bytes),
          }),
        }),
      ]),
    ),
  );
  const layers = new Map(
    [...content.values()]
      .filter((bytes) => bytes.length > pieceLength)
      .map((bytes) => [Buffer.from(rootOf(bytes)).toString("latin1"), layerOf(bytes, pieceLength)]),
  );

  const v1: Array<{ readonly length: number; readonly path: ReadonlyArray<string>; readonly pad: boolean }> = [];
  const stream: Array<Uint8Array> = [];
  for (const [index, [name, bytes]] of [...content].entries()) {
    v1.push({ length: bytes.length, path: [name], pad: false });
    stream.push(bytes);
    const pad = (pieceLength - (bytes.length % pieceLength)) % pieceLength;
    const isLast = [...content.values()].slice(index + 1).every(({ length }) => length === 0);
    if (pad === 0 || (isLast && options.tailPad !== true)) continue;
    v1.push({ length: pad, path: [".pad", String(pad)], pad: true });
    stream.push(new Uint8Array(pad));
  }
  const all = Buffer.concat(stream);
  const pieces = Uint8Array.from(
    Buffer.concat(
      Array.from({ length: Math.ceil(all.length / pieceLength) }, (_, index) =>
        hash("sha1", all.subarray(index * pieceLength, (index + 1) * pieceLength), "buffer"),
      ),
    ),
  );
  options.spoil?.(pieces);
  const half =
    version === "v2"
      ? {}
      : {
          files: v1.map(({ length, pad, path }) =>
            Dictionary.make({
              attr: pad ? Dictionary.fromText("p") : undefined,
              length,
              path: path.map(Dictionary.fromText),
            }),
          ),
          pieces,
        };
  const torrent = encode(
    Dictionary.make({
      announce: options.tracker === undefined ? undefined : Dictionary.fromText(options.tracker),
      info: Dictionary.make({
        "file tree": tree,
        "meta version": 2,
        name: Dictionary.fromText("many"),
        "piece length": pieceLength,
        private: options.private === true ? 1 : undefined,
        ...half,
      }),
      "piece layers": options.bare === true ? undefined : layers,
    }),
  );
  const bytes = new Uint8Array(Math.ceil(all.length / pieceLength) * pieceLength);
  bytes.set(all);
  return { metainfo: Result.getOrThrow(parseMetainfo(torrent, digests)), bytes, content };
};
