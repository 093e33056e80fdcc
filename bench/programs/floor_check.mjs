// The floor of a re-check: read a piece, SHA-1, compare, on one thread and with one buffer.
//   node floor_check.mjs <torrent> <file>
import { createHash } from "node:crypto";
import { openSync, readFileSync, readSync } from "node:fs";

const [torrentPath = "", path = ""] = process.argv.slice(2);
const torrent = readFileSync(torrentPath);
const text = torrent.toString("latin1");
const pieceLength = Number(/12:piece lengthi(\d+)e/.exec(text)[1]);
const found = /6:pieces(\d+):/.exec(text);
const start = found.index + found[0].length;
const pieces = Number(found[1]) / 20;
const file = openSync(path, "r");
const buffer = Buffer.allocUnsafeSlow(pieceLength);
for (let piece = 0; piece < pieces; piece++) {
  const length = readSync(file, buffer, 0, pieceLength, piece * pieceLength);
  const digest = createHash("sha1").update(buffer.subarray(0, length)).digest();
  if (!digest.equals(torrent.subarray(start + piece * 20, start + piece * 20 + 20)))
    throw new Error(`bad piece ${piece}`);
}
