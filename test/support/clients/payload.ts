/** Files on disk and the torrent of them, and whether a download is the same. */
import { assert } from "@effect/vitest";
import { Effect } from "effect";
import { createCipheriv, createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { encode } from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";

/** What is to be made. */
export interface PayloadOptions {
  /** Takes the files and the torrent. */
  readonly folder: string;
  readonly name: string;
  /** In bytes; a power of two from 16 KiB. */
  readonly pieceLength: number;
  /** One file of this length, or several by their paths. */
  readonly content: number | Readonly<Record<string, number>>;
  readonly trackers?: ReadonlyArray<string>;
  /** Seeds of BEP 19 and of BEP 17. */
  readonly webSeeds?: ReadonlyArray<string>;
  readonly httpSeeds?: ReadonlyArray<string>;
}

/** Files and their torrent. */
export interface Payload {
  readonly name: string;
  /** The folder in which the file, or the torrent's own folder, lies. */
  readonly folder: string;
  /** Path of the .torrent. */
  readonly torrent: string;
  /** Of v1, in hex. */
  readonly infoHash: string;
  /** Bytes of all files. */
  readonly size: number;
}

/** Bytes that look random, the same for the same name. */
const bytesOf = (name: string, length: number): Uint8Array => {
  const key = createHash("md5").update(name).digest();
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
};

const writeWithFolders = (path: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
};

/** Writes the files only. */
export const writeFiles = ({ folder, name, content }: Pick<PayloadOptions, "folder" | "name" | "content">) => {
  const files = typeof content === "number" ? { "": content } : content;
  return Object.entries(files).map(([path, length]) => {
    const bytes = bytesOf(`${name}/${path}`, length);
    writeWithFolders(join(folder, name, path), bytes);
    return { path, bytes };
  });
};

/** Writes files and their v1 torrent. */
export const makePayload = (options: PayloadOptions): Effect.Effect<Payload> =>
  Effect.sync(() => {
    const { folder, name, pieceLength, content, trackers, webSeeds, httpSeeds } = options;
    const files = writeFiles(options);
    const all = Buffer.concat(files.map(({ bytes }) => bytes));
    const pieces = Array.from({ length: Math.ceil(all.length / pieceLength) }, (_, index) =>
      createHash("sha1")
        .update(all.subarray(index * pieceLength, (index + 1) * pieceLength))
        .digest(),
    );
    const info = Dictionary.make({
      ...(typeof content === "number"
        ? { length: content }
        : {
            files: files.map(({ path, bytes }) =>
              Dictionary.make({ length: bytes.length, path: path.split("/").map(Dictionary.fromText) }),
            ),
          }),
      name: Dictionary.fromText(name),
      "piece length": pieceLength,
      pieces: Buffer.concat(pieces),
    });
    const torrent = join(folder, `${name}.torrent`);
    writeFileSync(
      torrent,
      encode(
        Dictionary.make({
          ...(trackers && { "announce-list": trackers.map((url) => [Dictionary.fromText(url)]) }),
          ...(webSeeds && { "url-list": webSeeds.map(Dictionary.fromText) }),
          ...(httpSeeds && { httpseeds: httpSeeds.map(Dictionary.fromText) }),
          info,
        }),
      ),
    );
    const infoHash = createHash("sha1").update(encode(info)).digest("hex");
    return { name, folder, torrent, infoHash, size: all.length };
  });

/** All files below a folder by their paths in it, sorted. */
export const listFiles = (root: string): ReadonlyArray<string> => {
  if (!existsSync(root)) return [];
  const walk = (path: string): ReadonlyArray<string> =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? walk(join(path, entry.name)) : [relative(root, join(path, entry.name))],
    );
  return [...walk(root)].sort();
};

/** Asserts that `output` holds the payload's file or folder byte for byte, and nothing else. */
export const assertSame = (payload: Payload, output: string): void => {
  const original = join(payload.folder, payload.name);
  assert.isTrue(existsSync(output), `${output} is there`);
  if (!statSync(original).isDirectory()) {
    assert.isTrue(readFileSync(original).equals(readFileSync(output)), `${output} is the same`);
    return;
  }
  const files = listFiles(original);
  assert.deepStrictEqual(listFiles(output), files);
  const different = files.filter(
    (path) => !readFileSync(join(original, path)).equals(readFileSync(join(output, path))),
  );
  assert.deepStrictEqual(different, []);
};
