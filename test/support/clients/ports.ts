/** Ports for programs that cannot choose one themselves. */
import { Effect } from "effect";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the kernel gives to connections (32768 and up): nobody takes one by chance between the look and the use. */
const FIRST = 12_000;
const COUNT = 20_000;

let tried = 0;

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  const socket = createSocket("udp4");
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
    socket.close();
  }
};

/** A port that nobody on this machine uses for TCP or UDP; test processes begin at different places. */
export const freePort: Effect.Effect<number> = Effect.promise(async () => {
  while (true) {
    const port = FIRST + ((process.pid * 97 + tried++) % COUNT);
    if (await isFree(port)) return port;
  }
});
