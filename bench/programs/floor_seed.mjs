// The floor of seeding: accept, handshake, bitfield, unchoke whoever is interested, and answer each batch of requests with one read per run of blocks that
// follow each other and one corked write; the buffer is used again when the write is done. One file, no checks, no limits: nobody should use it.
//   node floor_seed.mjs <torrent> <file> <host> <port>
import { createHash } from "node:crypto";
import { openSync, read, readFileSync } from "node:fs";
import { createServer } from "node:net";

const [torrentPath = "", path = "", host, port] = process.argv.slice(2);
const torrent = readFileSync(torrentPath);
const text = torrent.toString("latin1");
const pieceLength = Number(/12:piece lengthi(\d+)e/.exec(text)[1]);
const pieces = Number(/6:pieces(\d+):/.exec(text)[1]) / 20;
const infoHash = createHash("sha1")
  .update(torrent.subarray(torrent.indexOf("4:info") + 6, torrent.length - 1))
  .digest();
const file = openSync(path, "r");
const runLength = 1024 * 1024;
const handshakeLength = 68;

const bitfield = Buffer.alloc(5 + Math.ceil(pieces / 8), 0xff);
bitfield.writeUInt32BE(bitfield.length - 4, 0);
bitfield[4] = 5;
if (pieces % 8 !== 0) bitfield[bitfield.length - 1] = 0xff << (8 - (pieces % 8));
const hello = Buffer.concat([
  Buffer.from("\x13BitTorrent protocol", "latin1"),
  Buffer.alloc(8),
  infoHash,
  Buffer.from("-FL0001-000000000001"),
  bitfield,
]);

const serve = (socket) => {
  const buffer = Buffer.allocUnsafeSlow(runLength);
  const queue = [];
  let unread = Buffer.alloc(0);
  let greeted = false;
  let busy = false;

  const pump = () => {
    if (busy || queue.length === 0) return;
    busy = true;
    const start = queue[0].offset;
    let end = start;
    let count = 0;
    while (count < queue.length && queue[count].offset === end && end + queue[count].length - start <= runLength) {
      end += queue[count].length;
      count += 1;
    }
    const run = queue.splice(0, count);
    read(file, buffer, 0, end - start, start, (error) => {
      if (error) throw error;
      const heads = Buffer.allocUnsafe(13 * count);
      socket.cork();
      run.forEach(({ offset, length }, nth) => {
        const head = heads.subarray(nth * 13, nth * 13 + 13);
        head.writeUInt32BE(9 + length, 0);
        head[4] = 7;
        head.writeUInt32BE(Math.floor(offset / pieceLength), 5);
        head.writeUInt32BE(offset % pieceLength, 9);
        socket.write(head);
        socket.write(buffer.subarray(offset - start, offset - start + length), nth === count - 1 ? written : undefined);
      });
      socket.uncork();
    });
  };
  const written = () => {
    busy = false;
    pump();
  };

  socket.on("data", (chunk) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    if (!greeted) {
      if (unread.length < handshakeLength) return;
      unread = unread.subarray(handshakeLength);
      greeted = true;
      socket.write(hello);
    }
    while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE(0)) {
      const length = unread.readUInt32BE(0);
      if (length > 0 && unread[4] === 2) socket.write(Buffer.from([0, 0, 0, 1, 1]));
      if (length > 0 && unread[4] === 6)
        queue.push({
          offset: unread.readUInt32BE(5) * pieceLength + unread.readUInt32BE(9),
          length: unread.readUInt32BE(13),
        });
      unread = unread.subarray(4 + length);
    }
    pump();
  });
  socket.on("error", () => socket.destroy());
  socket.setNoDelay(true);
};
createServer(serve).listen(Number(port), host);
