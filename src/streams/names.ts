/**
 * By which hashes one download's torrent is called on the wire (BEP 52): one, or two for a hybrid, which has a swarm by each. A magnet link may know only
 * one of them; the other follows from the metadata. Trackers, the DHT, the local network and peers are asked by all of them.
 *
 * State: what is known of the hashes, and by which of them peers were reached, bounded, in this closure.
 */
import type * as Arr from "effect/Array";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Stream from "effect/Stream";
import type { Handshake } from "../schema/handshake.ts";
import { equals, type InfoHash, type TorrentHashes, wireNames } from "../schema/infoHash.ts";

/** Peers of which is remembered by which hash they were reached. */
const MAX_REMEMBERED = 3_000;

/** The hashes of one torrent, as far as they are known. */
export interface Names {
  /** Those known by now, v1's first. */
  readonly known: () => Arr.NonEmptyReadonlyArray<InfoHash>;
  /** Each of them as soon as it is known; ends when there will be no other. */
  readonly each: Stream.Stream<InfoHash>;
  /** Waits for one that was not known at first. */
  readonly another: Effect.Effect<InfoHash>;
  /** The metadata is there. */
  readonly learned: (torrent: TorrentHashes) => void;
  /** What to dial with under `name`; a peer that answers v1's hash with v2's has taken up the offer to go on with v2. */
  readonly offer: (name: InfoHash) => Pick<Handshake, "infoHash" | "v2Upgrade">;
  /** What to answer somebody who came with this; nothing where it is not our torrent. */
  readonly answer: (theirs: Pick<Handshake, "infoHash" | "v2Upgrade">) => InfoHash | undefined;
  /** Whether `theirs` is an answer to what was offered under `name`. */
  readonly isAnswer: (name: InfoHash, theirs: InfoHash) => boolean;
  /** The hash is the truncated one of v2: what is spoken under it is v2. */
  readonly isV2: (name: InfoHash) => boolean;
  /** Those to dial a peer under, best first. */
  readonly inOrder: (address: NetAddress.InetAddress) => Arr.NonEmptyReadonlyArray<InfoHash>;
  /** The peer has the torrent under this name, which comes first from now on. */
  readonly understood: (address: NetAddress.InetAddress, name: InfoHash) => void;
}

/** The names of a torrent; `complete` where nothing about them is still to be learned. */
export const makeNames = (torrent: TorrentHashes, complete: boolean): Names => {
  let hashes = torrent;
  const [first] = wireNames(torrent);
  const another = Deferred.makeUnsafe<Option.Option<InfoHash>>();
  const understood = new Map<string, InfoHash>();

  const settle = (): void => {
    const other = wireNames(hashes).find((name) => !equals(name, first));
    Deferred.doneUnsafe(another, Effect.succeed(Option.fromNullishOr(other)));
  };
  if (complete || wireNames(torrent).length > 1) settle();

  const isV2 = (name: InfoHash): boolean => hashes.infoHashV2?.startsWith(name.hex) === true;
  const isOurs = (name: InfoHash): boolean => wireNames(hashes).some((known) => equals(known, name));
  /** What v1's hash may be answered with by who would rather go on with v2. */
  const upgradeOf = (name: InfoHash): InfoHash | undefined => (isV2(name) ? undefined : wireNames(hashes).find(isV2));

  const inOrder = (address: NetAddress.InetAddress): Arr.NonEmptyReadonlyArray<InfoHash> => {
    const [one, two] = wireNames(hashes);
    if (two === undefined) return [one];
    const known = understood.get(NetAddress.formatInet(address)) ?? one;
    return [known, equals(known, one) ? two : one];
  };

  return {
    known: () => wireNames(hashes),
    each: Stream.concat(
      Stream.succeed(first),
      Stream.unwrap(Effect.map(Deferred.await(another), (other) => Stream.fromIterable(Option.toArray(other)))),
    ),
    another: Effect.flatMap(
      Deferred.await(another),
      Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }),
    ),
    learned: (learned) => {
      hashes = learned;
      settle();
    },
    offer: (name) => ({ infoHash: name, v2Upgrade: upgradeOf(name) !== undefined }),
    answer: ({ infoHash, v2Upgrade }) => {
      if (!isOurs(infoHash)) return undefined;
      return (v2Upgrade ? upgradeOf(infoHash) : undefined) ?? infoHash;
    },
    isAnswer: (name, theirs) => {
      const upgrade = upgradeOf(name);
      return equals(theirs, name) || (upgrade !== undefined && equals(theirs, upgrade));
    },
    isV2,
    inOrder,
    understood: (address, name) => {
      if (equals(inOrder(address)[0], name)) return;
      const key = NetAddress.formatInet(address);
      understood.delete(key);
      understood.set(key, name);
      const [oldest] = understood.keys();
      if (understood.size > MAX_REMEMBERED && oldest !== undefined) understood.delete(oldest);
    },
  };
};
