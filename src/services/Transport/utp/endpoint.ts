/**
 * All uTP connections of one UDP port: which packet is for which connection, who dials us, and whom nobody knows (BEP 29). A dial that arrives is
 * remembered in a few bytes and becomes a connection when the dialler shows that it got our answer, so that forged addresses cost nothing.
 *
 * Life cycle: lives as long as its scope, which drops what is still open.
 */
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import * as NetAddress from "effect/net/NetAddress";
import * as Random from "effect/Random";
import { decodeUtp, encodeUtp, makeUtpPacket, seqAfter, type UtpPacket, UtpType } from "../../../schema/utp.ts";
import { Datagrams } from "../../Datagrams/Datagrams.ts";
import { makeAlarm } from "./alarm.ts";
import { makeUtpConnection } from "./connection.ts";
import { HALF_OPEN_LIFE, MAX_HALF_OPEN, MAX_INCOMING, RECEIVE_BUFFER_BYTES } from "./limits.ts";
import type { Endpoint, Seat, UtpConnection } from "./UtpConnection.ts";

/** A dial that was answered and not confirmed. */
interface HalfOpen {
  readonly remote: NetAddress.InetAddress;
  readonly receiveId: number;
  /** The number of our first packet, and of their SYN. */
  readonly seq: number;
  readonly ack: number;
  readonly since: number;
}

/** The port, as the transport uses it. */
export interface UtpEndpoint {
  /** Dials from an address of ours; `opened` is told how it went. */
  readonly dial: (
    local: NetAddress.InetAddress,
    remote: NetAddress.InetAddress,
    opened: NonNullable<Seat["opened"]>,
  ) => UtpConnection;
  /** Takes arrivals from now on, until it is taken off again with `undefined`. */
  readonly listen: (arrive: ((connection: UtpConnection) => void) | undefined) => void;
  readonly isListening: () => boolean;
  /** Our address towards those of a family; none where the machine has no such network. */
  readonly localFor: (remote: NetAddress.InetAddress) => NetAddress.InetAddress | undefined;
}

const sameAddress = (a: NetAddress.InetAddress, b: NetAddress.InetAddress): boolean => a === b || Equal.equals(a, b);

/** uTP over the shared UDP port. */
export const makeUtpEndpoint = Effect.gen(function* () {
  const datagrams = yield* Datagrams;
  const random = yield* Random.Random;
  const packet = makeUtpPacket();
  /** By the id that packets for them carry; many addresses may use the same. */
  const connections = new Map<number, Array<UtpConnection>>();
  const halfOpen = new Map<string, HalfOpen>();
  let arrive: ((connection: UtpConnection) => void) | undefined;
  let flushing: Array<UtpConnection> = [];
  let incoming = 0;

  const alarm = yield* makeAlarm(
    (now) => {
      let next = Infinity;
      for (const sharing of [...connections.values()])
        for (const connection of [...sharing]) {
          if (connection.due() <= now) connection.tick();
          next = Math.min(next, connection.due());
        }
      return next;
    },
    () => {
      const due = flushing;
      flushing = [];
      for (const connection of due) connection.flush();
    },
  );
  const find = (id: number, remote: NetAddress.InetAddress): UtpConnection | undefined =>
    connections.get(id)?.find((connection) => sameAddress(connection.remote, remote));
  const endpoint: Endpoint = {
    now: alarm.now,
    wakeAt: alarm.wakeAt,
    transmit: datagrams.sendUnsafe,
    soon: (connection) => {
      if (flushing.includes(connection)) return;
      flushing.push(connection);
      alarm.soon();
    },
    gone: (connection) => {
      if (connection.connection.direction === "incoming") incoming--;
      const left = connections.get(connection.receiveId)?.filter((other) => other !== connection) ?? [];
      if (left.length > 0) connections.set(connection.receiveId, left);
      else connections.delete(connection.receiveId);
    },
  };
  const randomId = (): number => Math.floor(random.nextDoubleUnsafe() * 0x1_0000);
  const add = (seat: Seat): UtpConnection => {
    const connection = makeUtpConnection(endpoint, seat);
    connections.set(seat.receiveId, [...(connections.get(seat.receiveId) ?? []), connection]);
    return connection;
  };
  const localFor = (remote: NetAddress.InetAddress): NetAddress.InetAddress | undefined => {
    const own = datagrams.addresses.find((address) => NetAddress.familyOf(address) === NetAddress.familyOf(remote));
    // over loopback both sides have the same address, whatever the socket is bound to
    return own !== undefined && NetAddress.isLoopback(remote.address)
      ? NetAddress.inetAddressUnsafe(remote.address, own.port)
      : own;
  };

  /** A packet that belongs to no connection: says so (BEP 29: as its id was received), and never in answer to the same. */
  const reply = (
    to: NetAddress.InetAddress,
    type: UtpType,
    fields: { connectionId: number; seq: number; ack: number },
  ) =>
    endpoint.transmit(
      to,
      encodeUtp({
        ...fields,
        type,
        timestamp: endpoint.now() >>> 0,
        timestampDifference: (endpoint.now() - packet.timestamp) >>> 0,
        window: RECEIVE_BUFFER_BYTES,
      }),
    );
  const refuse = (from: NetAddress.InetAddress): void => {
    if (packet.type !== UtpType.Reset)
      reply(from, UtpType.Reset, { connectionId: packet.connectionId, seq: randomId(), ack: packet.seq });
  };

  const keyOf = (remote: NetAddress.InetAddress, receiveId: number): string =>
    `${NetAddress.formatInet(remote)} ${receiveId}`;
  const dialled = (from: NetAddress.InetAddress): void => {
    const receiveId = seqAfter(packet.connectionId, 1);
    const key = keyOf(from, receiveId);
    let half = halfOpen.get(key);
    if (half === undefined) {
      const [oldest] = halfOpen.keys();
      if (halfOpen.size >= MAX_HALF_OPEN && oldest !== undefined) halfOpen.delete(oldest);
      half = { remote: from, receiveId, seq: randomId(), ack: packet.seq, since: endpoint.now() };
      halfOpen.set(key, half);
    }
    reply(from, UtpType.State, { connectionId: packet.connectionId, seq: half.seq, ack: half.ack });
  };
  /** The connection that a packet confirms: its sender has got our answer. */
  const confirmed = (from: NetAddress.InetAddress): UtpConnection | undefined => {
    const key = keyOf(from, packet.connectionId);
    const half = halfOpen.get(key);
    const local = localFor(from);
    if (half === undefined || arrive === undefined || local === undefined || incoming >= MAX_INCOMING) return undefined;
    if (packet.ack !== seqAfter(half.seq, -1)) return undefined;
    halfOpen.delete(key);
    if (endpoint.now() - half.since > HALF_OPEN_LIFE) return undefined;
    const { receiveId, seq, ack } = half;
    const sendId = seqAfter(receiveId, -1);
    const connection = add({ local, remote: from, direction: "incoming", receiveId, sendId, seq, ack });
    incoming++;
    arrive(connection);
    return connection;
  };
  const receivedReset = (bytes: Uint8Array, from: NetAddress.InetAddress, { connectionId }: UtpPacket): void => {
    for (const offset of [0, 1, -1]) {
      const connection = find(seqAfter(connectionId, offset), from);
      if (connection?.receiveId === connectionId || connection?.sendId === connectionId)
        return connection.arrive(bytes, packet);
    }
  };

  yield* datagrams.receive((bytes, from) => {
    if (!decodeUtp(bytes, packet)) return false;
    if (packet.type === UtpType.Reset) receivedReset(bytes, from, packet);
    else if (packet.type === UtpType.Syn) {
      const known = find(seqAfter(packet.connectionId, 1), from);
      if (known !== undefined) known.arrive(bytes, packet);
      else if (arrive === undefined) refuse(from);
      else dialled(from);
    } else {
      const known = find(packet.connectionId, from) ?? confirmed(from);
      if (known === undefined) refuse(from);
      else known.arrive(bytes, packet);
    }
    return true;
  });
  const dropAll = (): void => {
    for (const sharing of [...connections.values()]) for (const connection of [...sharing]) connection.drop();
    halfOpen.clear();
  };
  // A connection is known by the addresses of both sides.
  yield* datagrams.onMoved?.(dropAll) ?? Effect.void;
  yield* Effect.addFinalizer(() => Effect.sync(dropAll));

  const opened: UtpEndpoint = {
    dial: (local, remote, done) => {
      let receiveId = randomId();
      // an id of ours and the one after it, which the other side gets, must be free towards it
      while (find(receiveId, remote) !== undefined || find(seqAfter(receiveId, 1), remote) !== undefined)
        receiveId = seqAfter(receiveId, 1);
      const sendId = seqAfter(receiveId, 1);
      return add({ local, remote, direction: "outgoing", receiveId, sendId, seq: 1, ack: 0, opened: done });
    },
    listen: (taker) => {
      arrive = taker;
      if (taker === undefined) halfOpen.clear();
    },
    isListening: () => arrive !== undefined,
    localFor,
  };
  return opened;
});
