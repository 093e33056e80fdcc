/**
 * Peers that connect, shake hands and say nothing more, each from an address of its own. A program: prints `ready` when the last of them got its answer, and
 * stays until it is killed.
 *
 *   idlers.ts <host> <port> <info hash> <address …>
 */
import { connect } from "node:net";
import { handshake } from "./handshake.ts";

const [host = "", port, infoHash = "", ...addresses] = process.argv.slice(2);
const retryMillis = 100;
let greeted = 0;

const idle = (localAddress: string, nth: number): void => {
  const socket = connect({ host, port: Number(port), localAddress });
  // The seeder may not listen yet.
  socket.on("error", () => setTimeout(() => idle(localAddress, nth), retryMillis));
  socket.once("data", () => {
    if (++greeted === addresses.length) process.stdout.write("ready\n");
  });
  socket.write(handshake(infoHash, { client: "XX0000", name: String(nth) }));
};
for (const [nth, address] of addresses.entries()) idle(address, nth);
