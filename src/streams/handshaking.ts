/**
 * The handshake on a new connection (BEP 3): which torrent both sides mean, who is at the other end, and whether we want to talk to them. What a failure says of
 * an address is connections.ts's, how the handshake is encrypted encryption.ts's.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Hex from "effect/encoding/Hex";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import { decodeHandshake, encodeHandshake, type Handshake, HANDSHAKE_LENGTH } from "../schema/handshake.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import { monotonicMillis } from "../services/time.ts";
import type { Connection } from "../services/Transport/Transport.ts";
import type { Failure, Way } from "./encryption.ts";
import { Swarm, type SwarmState } from "./Swarm.ts";

/** Two connections to one peer that were opened within this time of each other were opened by both sides at once, in milliseconds. */
const SIMULTANEOUS = 5_000;

/** Which of two connections to one peer stays: the one that the side with the larger peer id opened. */
const replaces = (
  swarm: SwarmState,
  existing: "incoming" | "outgoing",
  theirId: Uint8Array,
  now: "incoming" | "outgoing",
): boolean => {
  if (existing === now) return false;
  const weAreLarger = Hex.encode(swarm.peerId) > Hex.encode(theirId);
  return (now === "outgoing") === weAreLarger;
};

/** Checks the other side's handshake; a reason means that we part. */
const judge = (
  swarm: SwarmState,
  theirs: Handshake,
  direction: Connection["direction"],
  now: number,
): PeerReason | undefined => {
  const id = Hex.encode(theirs.peerId);
  if (id === Hex.encode(swarm.peerId)) return { _tag: "Self" };
  for (const member of swarm.members) {
    if (member.peerId !== id) continue;
    const simultaneous = now - member.connectedAt < SIMULTANEOUS;
    if (!simultaneous || !replaces(swarm, member.direction, theirs.peerId, direction)) return { _tag: "Duplicate" };
    member.part({ _tag: "Duplicate" });
  }
  return undefined;
};

/** How we dial: under which name, and by which way. */
export interface Manner {
  readonly name: InfoHash;
  readonly way: Way;
}

/** Who is at the other end. */
export interface Shaken {
  /** To go on with, encrypted or not. */
  readonly connection: Connection;
  readonly theirs: Handshake;
  /** Both sides go on with v2. */
  readonly v2: boolean;
}

/** Handshakes on a new connection; `manner` where we opened it. */
export const shake = Effect.fnUntraced(function* (
  opened: Connection,
  manner: Manner | undefined,
): Effect.fn.Return<Shaken, Failure, Swarm> {
  const swarm = yield* Swarm;
  const { encryption, names } = swarm;
  const handshake = (of: Pick<Handshake, "infoHash" | "v2Upgrade">): Uint8Array =>
    encodeHandshake({
      ...of,
      peerId: swarm.peerId,
      extension: true,
      fast: true,
      dht: swarm.dht.port() !== undefined,
    });
  const connection =
    manner === undefined
      ? yield* encryption.welcome(opened)
      : yield* encryption.greet(opened, manner.way, {
          infoHash: manner.name,
          greeting: handshake(names.offer(manner.name)),
        });
  const decoded = decodeHandshake(yield* connection.read(HANDSHAKE_LENGTH));
  if (Result.isFailure(decoded)) return yield* Effect.fail(decoded.failure);
  const theirs = decoded.success;
  const answer = manner === undefined ? names.answer(theirs) : undefined;
  const name =
    manner === undefined ? answer : names.isAnswer(manner.name, theirs.infoHash) ? theirs.infoHash : undefined;
  if (name === undefined) return yield* Effect.fail<PeerReason>({ _tag: "WrongTorrent" });
  const reason = judge(swarm, theirs, connection.direction, monotonicMillis(yield* Clock.Clock));
  if (reason !== undefined) return yield* Effect.fail(reason);
  if (answer !== undefined) connection.sendUnsafe(handshake({ infoHash: answer, v2Upgrade: false }));
  return { connection, theirs, v2: names.isV2(name) };
});
