/** Sees all that one client sends, whatever the socket: its connections, its datagrams and its multicast. */
import { Context, Effect, Layer } from "effect";
import type { NetAddress } from "effect/net";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import { Multicast } from "../../src/services/Multicast/Multicast.ts";
import { wrapConnections } from "../../src/services/Transport/middleware.ts";
import type { Connection, Transport } from "../../src/services/Transport/Transport.ts";
import { concat } from "./wire.ts";

/** What goes through the wire of a host. */
type Wire = Transport | Datagrams | Multicast;

/** What was sent so far. */
export interface Sniffer {
  readonly layer: Layer.Layer<Wire, never, Wire>;
  /** The same for connections that are not the host's own, as those of uTP are. */
  readonly connections: Layer.Layer<Transport, never, Transport>;
  /** Each connection, and all bytes that went out on it. */
  readonly streams: ReadonlyArray<{
    readonly remote: NetAddress.InetAddress;
    readonly bytes: () => Uint8Array;
    /** We have not closed it. */
    readonly isOpen: () => boolean;
  }>;
  /** Packets, unicast and multicast, in order. */
  readonly packets: ReadonlyArray<{
    readonly kind: "unicast" | "multicast";
    readonly to: NetAddress.InetAddress;
    readonly bytes: Uint8Array;
  }>;
}

/** A sniffer that has seen nothing. */
export const makeSniffer = (): Sniffer => {
  const streams: Array<Sniffer["streams"][number]> = [];
  const packets: Array<Sniffer["packets"][number]> = [];

  const connections = wrapConnections((connection) =>
    Effect.gen(function* () {
      const sent: Array<Uint8Array> = [];
      let open = true;
      yield* Effect.addFinalizer(() => Effect.sync(() => (open = false)));
      streams.push({ remote: connection.remote, bytes: () => concat(sent), isOpen: () => open });
      return {
        ...connection,
        sendUnsafe: (bytes) => {
          sent.push(bytes.slice());
          return connection.sendUnsafe(bytes);
        },
        send: (chunks) => {
          sent.push(...chunks.map((chunk) => chunk.slice()));
          return connection.send(chunks);
        },
      } satisfies Connection;
    }),
  );
  const datagrams = Layer.effectContext(
    Effect.gen(function* () {
      const below = yield* Datagrams;
      const groups = yield* Multicast;
      const note = (kind: "unicast" | "multicast", to: NetAddress.InetAddress, bytes: Uint8Array): void =>
        void packets.push({ kind, to, bytes: bytes.slice() });
      return Context.make(
        Datagrams,
        Datagrams.of({
          ...below,
          send: (to, bytes) => Effect.suspend(() => (note("unicast", to, bytes), below.send(to, bytes))),
          sendUnsafe: (to, bytes) => {
            note("unicast", to, bytes);
            below.sendUnsafe(to, bytes);
          },
        }),
      ).pipe(
        Context.add(
          Multicast,
          Multicast.of({
            join: (wanted, hear) =>
              Effect.map(groups.join(wanted, hear), (ways) =>
                ways.map((way) => ({
                  ...way,
                  send: (bytes) => Effect.suspend(() => (note("multicast", way.group, bytes), way.send(bytes))),
                })),
              ),
          }),
        ),
      );
    }),
  );
  return { layer: Layer.merge(connections, datagrams), connections: Layer.fresh(connections), streams, packets };
};
