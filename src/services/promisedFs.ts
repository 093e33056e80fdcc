/**
 * The calls of `node:fs` that small files of state need, as promises. Not those of `node:fs/promises`: to load that takes 2 to 10 ms of every start,
 * for it brings readline and web streams along. What is downloaded goes through `Storage/filesSystem.ts`.
 */
import * as Fs from "node:fs";
import { promisify } from "node:util";

export const open = promisify(Fs.open);
export const close = promisify(Fs.close);
export const stat: (path: string) => Promise<Fs.Stats> = promisify(Fs.stat);
export const fsync = promisify(Fs.fsync);
/** By path alone: of an open file that cannot be read, Node's `readFile` says that it is empty. */
export const readFile: {
  (path: string): Promise<Buffer>;
  (path: string, encoding: BufferEncoding): Promise<string>;
} = promisify(Fs.readFile);
/** By path, or at where an open file is. */
export const writeFile = promisify(Fs.writeFile);
export const rename = promisify(Fs.rename);
export const readdir: (path: string) => Promise<Array<string>> = promisify(Fs.readdir);
export const rm = promisify(Fs.rm);
export const realpath: (path: string) => Promise<string> = promisify(Fs.realpath.native);
