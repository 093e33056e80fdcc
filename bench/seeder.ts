/**
 * A CPU-cheap seeder in plain Node: the payload lies in memory, every request is answered from it without a copy, a batch of answers is
 * one writev. It unchokes whoever is interested and knows plaintext only. For measuring leechers; it is not how to write a client.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { HostPort } from "../src/schema/hostPort.ts";
import { handshake, handshakeLength } from "./handshake.ts";

/** What is seeded. */
export interface SeederOptions {
  /** One copy of the payload; the torrent's bytes are it over and over. */
  readonly blob: Buffer;
  readonly total: number;
  readonly pieceLength: number;
  readonly info: Buffer;
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  /** Local addresses to listen on, one listener each: to a leecher every one is a peer. */
  readonly addresses: ReadonlyArray<string>;
  /** Bytes per second and connection; no limit when absent. */
  readonly rate?: number;
}

/** A running seeder. */
export interface Seeder {
  /** Where it listens. */
  readonly peers: ReadonlyArray<HostPort>;
  readonly close: () => void;
}

interface Block {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

const maxMessage = 64 * 1024;
const maxBlock = 128 * 1024;
/** Blocks of one writev: IOV_MAX is 1024, a block is two buffers. */
const maxBatch = 64;
const metadataBlock = 16 * 1024;

/** One message with its length before it. */
const frame = (id: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length + 1, 0);
  head[4] = id;
  return Buffer.concat([head, body]);
};

const hello = (options: SeederOptions, number: number): Buffer => {
  const pieces = Math.ceil(options.total / options.pieceLength);
  const bitfield = Buffer.alloc(Math.ceil(pieces / 8), 0xff);
  if (pieces % 8 !== 0) bitfield[bitfield.length - 1] = 0xff << (8 - (pieces % 8));
  return Buffer.concat([
    handshake(options.infoHash, { client: "BS0001", name: String(number), extended: true }),
    frame(
      20,
      Buffer.from(`\0d1:md11:ut_metadatai3ee13:metadata_sizei${options.info.length}e4:reqqi2000e1:v12:bench seedere`),
    ),
    frame(5, bitfield),
  ]);
};

const serve = (socket: Socket, options: SeederOptions, number: number): void => {
  let unread: Buffer = Buffer.alloc(0);
  let greeted = false;
  let writing = false;
  let metadataId = 0;
  const queue: Array<Block> = [];

  const pump = (): void => {
    if (writing || queue.length === 0 || socket.destroyed) return;
    writing = true;
    const batch = queue.splice(0, options.rate === undefined ? maxBatch : 1);
    const heads = Buffer.allocUnsafe(batch.length * 13);
    let sent = 0;
    socket.cork();
    for (const [nth, block] of batch.entries()) {
      const head = heads.subarray(nth * 13, nth * 13 + 13);
      head.writeUInt32BE(9 + block.length, 0);
      head[4] = 7;
      head.writeUInt32BE(block.piece, 5);
      head.writeUInt32BE(block.begin, 9);
      const at = (block.piece * options.pieceLength + block.begin) % options.blob.length;
      socket.write(head);
      const last = nth === batch.length - 1;
      sent += block.length;
      socket.write(options.blob.subarray(at, at + block.length), last ? written : undefined);
    }
    socket.uncork();
    function written(): void {
      const next = (): void => {
        writing = false;
        pump();
      };
      if (options.rate === undefined) next();
      else setTimeout(next, (sent / options.rate) * 1000);
    }
  };

  const answerMetadata = (request: string): void => {
    const piece = Number(/5:piecei(\d+)e/.exec(request)?.[1] ?? Number.NaN);
    const bytes = options.info.subarray(piece * metadataBlock, (piece + 1) * metadataBlock);
    if (!request.includes("8:msg_typei0e") || bytes.length === 0 || metadataId === 0) return;
    const head = `d8:msg_typei1e5:piecei${piece}e10:total_sizei${options.info.length}ee`;
    socket.write(frame(20, Buffer.from([metadataId]), Buffer.from(head), bytes));
  };

  const receive = (message: Buffer): void => {
    const id = message[0];
    if (id === 2) {
      socket.write(frame(1));
    } else if (id === 6) {
      const block = {
        piece: message.readUInt32BE(1),
        begin: message.readUInt32BE(5),
        length: message.readUInt32BE(9),
      };
      const end = block.piece * options.pieceLength + block.begin + block.length;
      if (block.length > maxBlock || end > options.total) socket.destroy();
      else queue.push(block);
    } else if (id === 8) {
      const piece = message.readUInt32BE(1);
      const begin = message.readUInt32BE(5);
      const at = queue.findIndex((block) => block.piece === piece && block.begin === begin);
      if (at >= 0) queue.splice(at, 1);
    } else if (id === 20) {
      const text = message.toString("latin1", 2);
      if (message[1] === 0) metadataId = Number(/11:ut_metadatai(\d+)e/.exec(text)?.[1] ?? 0);
      else if (message[1] === 3) answerMetadata(text);
    }
  };

  const refuse = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    if (!greeted) {
      if (unread[0] !== 19) return refuse();
      if (unread.length < handshakeLength) return;
      if (unread.toString("hex", 28, 48) !== options.infoHash) return refuse();
      greeted = true;
      unread = unread.subarray(handshakeLength);
      socket.write(hello(options, number));
    }
    while (unread.length >= 4) {
      const length = unread.readUInt32BE(0);
      if (length > maxMessage) return refuse();
      if (unread.length < 4 + length) break;
      if (length > 0) receive(unread.subarray(4, 4 + length));
      unread = unread.subarray(4 + length);
    }
    pump();
  };
  socket.setNoDelay(true);
  socket.on("error", refuse);
  socket.on("data", onData);
};

/** Starts listening on every address, at free ports. */
export const startSeeder = async (options: SeederOptions): Promise<Seeder> => {
  const servers: Array<Server> = [];
  const sockets = new Set<Socket>();
  const peers: Array<HostPort> = [];
  for (const [number, host] of options.addresses.entries()) {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      serve(socket, options, number);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, host, resolve);
    });
    servers.push(server);
    // A server that listens on a port has an AddressInfo.
    peers.push({ host, port: (server.address() as AddressInfo).port });
  }
  return {
    peers,
    close: () => {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
