/**
 * The calls of `node:fs` that small files of state need, as promises. Not those of `node:fs/promises`: to load that takes 2 to 10 ms of every start,
 * for it brings readline and web streams along. What is downloaded goes through `Storage/filesSystem.ts`.
 */
import * as Option from "effect/Option";
import * as Fs from "node:fs";
import { promisify } from "node:util";
import { systemCode } from "./systemCode.ts";

/** Opens a file; gives its descriptor, which the caller closes. */
export const open = promisify(Fs.open);
/** Closes a descriptor. */
export const close = promisify(Fs.close);
/** Makes an open file, or a folder's entries, durable. */
export const fsync = promisify(Fs.fsync);
/** By path alone: of an open file that cannot be read, Node's `readFile` says that it is empty. */
export const readFile: {
  (path: string): Promise<Buffer>;
  (path: string, encoding: BufferEncoding): Promise<string>;
} = promisify(Fs.readFile);
/** By path, or at where an open file is. */
export const writeFile = promisify(Fs.writeFile);
/** Replaces what has the new name. */
export const rename = promisify(Fs.rename);
/** The names in a folder. */
export const readdir: (path: string) => Promise<Array<string>> = promisify(Fs.readdir);
/** Removes a file; that it is not there is fine. Not by Node's `rm`: that loads what removes whole trees, 2 ms. */
export const remove = (path: string): Promise<void> =>
  unlink(path).catch((cause: unknown) => {
    if (systemCode(cause) !== "ENOENT") throw cause;
  });
/** A path without symbolic links. */
export const realpath: (path: string) => Promise<string> = promisify(Fs.realpath.native);

const unlink = promisify(Fs.unlink);
const stat: (path: string) => Promise<Fs.Stats> = promisify(Fs.stat);

/** The bytes of a file; none when it is longer than `limit`. */
export const readBounded = async (path: string, limit: number): Promise<Option.Option<Buffer>> =>
  (await stat(path)).size > limit ? Option.none() : Option.some(await readFile(path));
