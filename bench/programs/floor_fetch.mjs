// The floor: the same steps as a client, in plain Node without a library and without care: announce, connect, handshake, request with a
// fixed depth, copy into piece buffers, SHA-1 as it comes, write. What the bench's clients are measured against; nobody should use it.
//   node floor_fetch.mjs <torrent> <out>
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, write } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";

const [torrentPath = "", out = ""] = process.argv.slice(2);
const torrent = readFileSync(torrentPath);
const at = torrent.indexOf("4:info") + 6;
const info = torrent.subarray(at, torrent.length - 1);
const text = torrent.toString("latin1");
const number = (key) => Number(new RegExp(`${key}i(\\d+)e`).exec(text)[1]);
/** The files, each with where its bytes begin among all. */
const files = [];
let total = 0;
for (const [, length, path] of text.matchAll(/6:lengthi(\d+)e(?:4:pathl(.*?)ee)?/g)) {
  const parts = [];
  for (let rest = path ?? ""; rest !== "";) {
    const [mark, size] = /^(\d+):/.exec(rest);
    parts.push(rest.slice(mark.length, mark.length + Number(size)));
    rest = rest.slice(mark.length + Number(size));
  }
  files.push({ path: join(out, ...parts), start: total, length: Number(length), descriptor: undefined });
  total += Number(length);
}
const pieceLength = number("12:piece length");
const hashesAt = /6:pieces\d+:/.exec(text);
const hashes = torrent.subarray(hashesAt.index + hashesAt[0].length);
const pieceCount = Math.ceil(total / pieceLength);
const infoHash = createHash("sha1").update(info).digest();
const blockLength = 16384;
const depth = 64;

const announce = /8:announce\d+:(.*?)4:info/.exec(text)[1];
const escaped = [...infoHash].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const query = `info_hash=${escaped}&peer_id=-FL0001-000000000000&port=1&uploaded=0&downloaded=0&left=${total}&compact=1`;
const answer = await new Promise((resolve, reject) => {
  get(`${announce}?${query}`, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk)).on("end", () => resolve(Buffer.concat(chunks)));
  }).on("error", reject);
});
const peersAt = /5:peers(\d+):/.exec(answer.toString("latin1"));
const peers = answer.subarray(peersAt.index + peersAt[0].length).subarray(0, Number(peersAt[1]));

const spare = [];
let nextPiece = 0;
let done = 0;

const finish = () => {
  for (const { descriptor } of files) closeSync(descriptor);
  process.exit(0);
};

const take = () => {
  if (nextPiece === pieceCount) return undefined;
  const index = nextPiece++;
  return {
    index,
    length: Math.min(pieceLength, total - index * pieceLength),
    buffer: spare.pop() ?? Buffer.allocUnsafeSlow(pieceLength),
    hash: createHash("sha1"),
    requested: 0,
    got: 0,
  };
};

/** The last file that begins at or before an offset. */
const fileAt = (offset) => {
  let [low, high] = [0, files.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (files[middle].start <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
};

const store = (piece) => {
  if (!piece.hash.digest().equals(hashes.subarray(piece.index * 20, piece.index * 20 + 20)))
    throw new Error("bad piece");
  const start = piece.index * pieceLength;
  let nth = fileAt(start);
  let parts = 0;
  for (let from = 0; from < piece.length; nth++) {
    const file = files[nth];
    const at = start + from - file.start;
    const length = Math.min(piece.length - from, file.length - at);
    if (file.descriptor === undefined) mkdirSync(dirname(file.path), { recursive: true });
    file.descriptor ??= openSync(file.path, "w");
    parts += 1;
    write(file.descriptor, piece.buffer, from, length, at, (error) => {
      if (error) throw error;
      if (--parts > 0) return;
      spare.push(piece.buffer);
      if (++done === pieceCount) finish();
    });
    from += length;
  }
};

const talk = (host, port) => {
  const open = [];
  let inFlight = 0;
  let unchoked = false;
  const head = Buffer.alloc(68);
  let headNeeds = 68;
  let headHas = 0;
  let phase = "handshake";
  let block;
  let blockEnd = 0;
  let skip = 0;

  const refill = () => {
    if (!unchoked || inFlight > depth / 2) return;
    const requests = Buffer.allocUnsafe(17 * (depth - inFlight));
    let size = 0;
    while (inFlight < depth) {
      let piece = open.at(-1);
      if (piece === undefined || piece.requested === piece.length) {
        piece = take();
        if (piece === undefined) break;
        open.push(piece);
      }
      const length = Math.min(blockLength, piece.length - piece.requested);
      requests.writeUInt32BE(13, size);
      requests[size + 4] = 6;
      requests.writeUInt32BE(piece.index, size + 5);
      requests.writeUInt32BE(piece.requested, size + 9);
      requests.writeUInt32BE(length, size + 13);
      piece.requested += length;
      inFlight += 1;
      size += 17;
    }
    if (size > 0) socket.write(requests.subarray(0, size));
  };

  const need = (bytes, next) => {
    headNeeds = bytes;
    headHas = 0;
    phase = next;
  };

  const onHead = () => {
    if (phase === "handshake") return need(5, "message");
    if (phase === "message") {
      const length = head.readUInt32BE(0);
      if (length === 0) throw new Error("keep-alive from the bench's seeder");
      if (head[4] === 7) return need(8, "block:" + (length - 9));
      if (head[4] === 1) {
        unchoked = true;
        refill();
      }
      skip = length - 1;
      return need(5, "message");
    }
    const length = Number(phase.slice(6));
    block = open.find((piece) => piece.index === head.readUInt32BE(0));
    blockEnd = block.got + length;
    need(5, "message");
  };

  const onBytes = (count, bytes) => {
    let at = 0;
    while (at < count) {
      if (skip > 0) {
        const step = Math.min(skip, count - at);
        skip -= step;
        at += step;
      } else if (block !== undefined) {
        const step = Math.min(blockEnd - block.got, count - at);
        bytes.copy(block.buffer, block.got, at, at + step);
        block.hash.update(bytes.subarray(at, at + step));
        block.got += step;
        at += step;
        if (block.got === blockEnd) {
          inFlight -= 1;
          if (block.got === block.length) {
            open.splice(open.indexOf(block), 1);
            store(block);
          }
          block = undefined;
        }
      } else {
        const step = Math.min(headNeeds - headHas, count - at);
        bytes.copy(head, headHas, at, at + step);
        headHas += step;
        at += step;
        if (headHas === headNeeds) onHead();
      }
    }
    refill();
    return true;
  };

  const socket = connect({
    host,
    port,
    noDelay: true,
    onread: { buffer: Buffer.allocUnsafeSlow(65536), callback: onBytes },
  });
  socket.write(
    Buffer.concat([
      Buffer.from("\x13BitTorrent protocol", "latin1"),
      Buffer.alloc(8),
      infoHash,
      Buffer.from(`-FL0001-${String(port).padStart(12, "0")}`),
      Buffer.from([0, 0, 0, 1, 2]),
    ]),
  );
};

for (let peer = 0; peer < peers.length; peer += 6) {
  talk([...peers.subarray(peer, peer + 4)].join("."), peers.readUInt16BE(peer + 4));
}
