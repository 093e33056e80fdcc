/** The smallest HTTP tracker (BEP 3 and 23): the same peers for everybody. For the benchmark and the demo. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { HostPort } from "../src/schema/hostPort.ts";

/** A running tracker. */
export interface RunningTracker {
  readonly url: string;
  readonly close: () => void;
}

/** Starts a tracker on this local address that answers every announce with these IPv4 peers. */
export const startTracker = async (peers: ReadonlyArray<HostPort>, host = "127.0.0.1"): Promise<RunningTracker> => {
  const compact = Buffer.concat(
    peers.map(({ host, port }) => Buffer.from([...host.split(".").map(Number), port >> 8, port & 255])),
  );
  const answer = Buffer.concat([
    Buffer.from(`d8:completei${peers.length}e10:incompletei0e8:intervali1800e5:peers${compact.length}:`),
    compact,
    Buffer.from("e"),
  ]);
  const server = createServer((request, response) => {
    response.writeHead(request.url?.startsWith("/announce") === true ? 200 : 404, {
      "content-type": "text/plain",
      "content-length": answer.length,
      connection: "close",
    });
    response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  // A server that listens on a port has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  return { url: `http://${host}:${port}/announce`, close: () => void server.close() };
};
