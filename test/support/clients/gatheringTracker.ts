/** A tracker of one swarm on any address of this machine, over HTTP and UDP, in the test's own process: it names whoever announced there. */
import { Effect, type Scope } from "effect";
import { NetAddress } from "effect/net";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import { encode } from "../../../src/schema/bencode.ts";
import { encodePeers, encodePeers6 } from "../../../src/schema/compactPeers.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";
import { decodeRequest, encodeAnswer } from "../../../src/schema/trackerUdp.ts";

/** Where it is asked. */
export interface GatheringTracker {
  readonly http: string;
  readonly udp: string;
}

/** Seconds between announces; real trackers ask for more, but these swarms are small and short. */
const INTERVAL = 10;

/** Starts it on an address, until the scope ends. */
export const gatheringTracker = (host: string): Effect.Effect<GatheringTracker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const members = new Map<string, NetAddress.InetAddress>();
    /** Takes somebody in; gives the others. */
    const enter = (ip: string, port: number, event: string): ReadonlyArray<NetAddress.InetAddress> => {
      const peer = NetAddress.inetAddressFromIpStringUnsafe(ip, port);
      const name = NetAddress.formatInet(peer);
      const others = [...members].filter(([other]) => other !== name).map(([, member]) => member);
      if (event === "stopped") members.delete(name);
      else members.set(name, peer);
      return others;
    };

    const server = createServer(({ socket, url = "/" }, response) => {
      const query = new URL(url, "http://tracker").searchParams;
      const others = enter(socket.remoteAddress ?? "", Number(query.get("port")), query.get("event") ?? "");
      response.end(
        encode(
          Dictionary.make({
            interval: INTERVAL,
            peers: encodePeers(others.filter(NetAddress.isInetAddressV4)),
            peers6: encodePeers6(others.filter(NetAddress.isInetAddressV6)),
          }),
        ),
      );
    });
    const family = host.includes(":") ? "IPv6" : "IPv4";
    const socket = createSocket(family === "IPv6" ? "udp6" : "udp4");
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        socket.close();
        server.close();
        server.closeAllConnections();
      }),
    );
    socket.on("message", (bytes, { address, port }) => {
      const asked = decodeRequest(bytes);
      if (asked === undefined) return;
      const { transactionId } = asked;
      const answer =
        asked._tag === "Connect"
          ? ({ _tag: "Connected", transactionId, connectionId: 1n } as const)
          : ({
              _tag: "Announced",
              transactionId,
              response: {
                peers: enter(address, asked.request.port, asked.request.event),
                interval: INTERVAL,
              },
            } as const);
      socket.send(encodeAnswer(answer, family), port, address);
    });
    server.listen(0, host);
    socket.bind(0, host);
    yield* Effect.promise(() => Promise.all([once(server, "listening"), once(socket, "listening")]));
    const at = server.address();
    const name = family === "IPv6" ? `[${host}]` : host;
    return {
      http: `http://${name}:${typeof at === "object" ? at?.port : 0}/announce`,
      udp: `udp://${name}:${socket.address().port}/announce`,
    };
  });
