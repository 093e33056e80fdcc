/**
 * A CPU-cheap leecher in plain Node, for measuring seeders: it keeps requests waiting, compares what comes with the payload and throws it away. A program:
 * prints `ready` when it is unchoked, waits for a line, fetches everything and prints the seconds it took. `native/leecher.c` does the same for less.
 *
 *   leecher.ts <host> <port> <blob> <piece length> <info hash> <depth>
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { handshake, handshakeLength } from "./handshake.ts";

/** What is fetched and from whom. */
interface LeecherOptions {
  readonly host: string;
  readonly port: number;
  /** The payload's bytes, once. */
  readonly blob: string;
  readonly pieceLength: number;
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  /** Requests that wait. */
  readonly depth: number;
}

const block = 16 * 1024;
const requestLength = 17;
const pieceHeader = 13;

const leech = (options: LeecherOptions, go: Promise<void>): void => {
  const blob = readFileSync(options.blob);
  const blocks = Math.ceil(blob.length / block);
  const lines = { unchoked: false };
  let asked = 0;
  let got = 0;
  let began = 0;
  let pending: Buffer = Buffer.alloc(0);

  /** One write for as many requests as there is room for. */
  const ask = (): void => {
    const count = Math.min(options.depth - (asked - got), blocks - asked);
    const bytes = Buffer.alloc(Math.max(count, 0) * requestLength);
    for (let at = 0; at < bytes.length; at += requestLength, asked++) {
      const offset = asked * block;
      bytes.writeUInt32BE(13, at);
      bytes[at + 4] = 6;
      bytes.writeUInt32BE(Math.floor(offset / options.pieceLength), at + 5);
      bytes.writeUInt32BE(offset % options.pieceLength, at + 9);
      bytes.writeUInt32BE(Math.min(block, blob.length - offset), at + 13);
    }
    if (bytes.length > 0) socket.write(bytes);
  };
  const fail = (why: string): never => {
    process.stderr.write(`${why}\n`);
    process.exit(1);
  };
  const take = (bytes: Buffer): void => {
    const id = bytes[4];
    if (id === 1 && !lines.unchoked) {
      lines.unchoked = true;
      process.stdout.write("ready\n");
      void go.then(() => {
        began = performance.now();
        ask();
      });
    }
    if (id !== 7) return;
    const offset = bytes.readUInt32BE(5) * options.pieceLength + bytes.readUInt32BE(9);
    const payload = bytes.subarray(pieceHeader);
    if (payload.compare(blob, offset, offset + payload.length) !== 0) fail(`wrong bytes at ${offset}`);
    if (++got < blocks) return;
    process.stdout.write(`${(performance.now() - began) / 1000}\n`, () => process.exit(0));
  };
  /** Everything that is whole; gives what is not. */
  const split = (bytes: Buffer): Buffer => {
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (bytes.length < end) break;
      if (end > at + 4) take(bytes.subarray(at, end));
      at = end;
    }
    return bytes.subarray(at);
  };

  let shaken = false;
  const socket = connect({
    host: options.host,
    port: options.port,
    onread: {
      buffer: new Uint8Array(4 * 1024 * 1024),
      callback: (length, buffer) => {
        const fresh = Buffer.from(buffer.buffer, 0, length);
        pending = pending.length === 0 ? fresh : Buffer.concat([pending, fresh]);
        if (!shaken) {
          if (pending.length < handshakeLength) {
            pending = Buffer.from(pending);
            return true;
          }
          pending = pending.subarray(handshakeLength);
          shaken = true;
          socket.write(Buffer.from([0, 0, 0, 1, 2]));
        }
        // The read buffer is used again.
        pending = Buffer.from(split(pending));
        if (began > 0 && asked - got <= options.depth / 2) ask();
        return true;
      },
    },
  });
  socket.on("error", ({ message }) => fail(message));
  socket.on("close", () => fail("the seeder hung up"));
  socket.setNoDelay(true);
  socket.write(handshake(options.infoHash, { client: "XX0000", name: "leecher" }));
};

const [host = "", port, blob = "", pieceLength, infoHash = "", depth] = process.argv.slice(2);
leech(
  { host, port: Number(port), blob, pieceLength: Number(pieceLength), infoHash, depth: Number(depth) },
  new Promise((resolve) => createInterface(process.stdin).once("line", () => resolve())),
);
