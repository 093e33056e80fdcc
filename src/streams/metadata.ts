/**
 * Fetching the info dictionary of a magnet link from many peers at once, and handing it out (BEP 9). The size that a peer claims is never trusted:
 * memory grows only with what arrives, and nothing counts before its hash fits.
 *
 * State: one closure per download. Done once `info` is known; from then on it only answers.
 */
import type { UtMetadataMessage } from "../schema/utMetadata.ts";

/** Bytes of a piece of metadata, but for the last (BEP 9). */
const METADATA_PIECE = 16_384;
/** Larger metadata is refused, as libtorrent does: the size is a stranger's word. */
export const MAX_METADATA = 30_000_000;
/** Claimed sizes followed at once. */
const MAX_SIZES = 4;
/** Requests waiting with one peer. */
const PER_PEER = 3;
/** A piece is asked of another peer, and a size of which nothing arrives makes way for another, after this many milliseconds. */
const ASK_AGAIN_AFTER = 20_000;
/** A peer is convicted after taking part in this many wrong results. */
const MAX_WRONG = 3;

/** A peer that offers metadata. */
export interface MetadataPeer {
  readonly send: (message: UtMetadataMessage) => void;
  readonly convict: (why: string) => void;
}

/** The exchange of one download. Times are milliseconds of the monotonic clock. */
export interface MetadataExchange {
  /** The peer said how large the metadata is, and that it can be asked. */
  readonly offered: (peer: MetadataPeer, size: number, now: number) => void;
  readonly received: (peer: MetadataPeer, message: UtMetadataMessage, now: number) => void;
  readonly left: (peer: MetadataPeer, now: number) => void;
  readonly tick: (now: number) => void;
  /** The info dictionary, once it is there. */
  readonly bytes: () => Uint8Array | undefined;
  /** Peers that offer it. */
  readonly offers: () => number;
  /** Bytes that have arrived, of how many. */
  readonly progress: () => { readonly done: number; readonly total: number };
}

/** What has arrived of one claimed size. */
interface Attempt {
  readonly size: number;
  readonly pieces: Array<Uint8Array | undefined>;
  readonly asked: Map<number, { peer: MetadataPeer; at: number }>;
  readonly contributors: Set<MetadataPeer>;
  /** After a wrong result only one peer is asked, so that the next one has a culprit. */
  sole: MetadataPeer | undefined;
  suspicious: boolean;
  /** When the last piece arrived; at first, when it began. */
  lastArrival: number;
}

/** An exchange; with `known` it only answers. `arrived` is told of the bytes whose hash fits, `useful` of every new piece. */
export const makeMetadataExchange = (options: {
  /** Whether bytes have the torrent's hash. */
  readonly isRight: (bytes: Uint8Array) => boolean;
  readonly known: Uint8Array | undefined;
  readonly arrived: (bytes: Uint8Array) => void;
  readonly useful: (bytes: number, now: number) => void;
}): MetadataExchange => {
  let known = options.known;
  const attempts = new Map<number, Attempt>();
  const peers = new Map<MetadataPeer, { size: number; refused: Set<number> }>();
  const wrong = new Map<MetadataPeer, number>();

  /** Whether another size can be followed; one of which nothing arrives is given up for it, and its peers come last the next time. */
  const makeRoom = (now: number): boolean => {
    if (attempts.size < MAX_SIZES) return true;
    for (const [size, attempt] of attempts) {
      if (now - attempt.lastArrival < ASK_AGAIN_AFTER) continue;
      attempts.delete(size);
      for (const [peer, offer] of [...peers]) {
        if (offer.size !== size) continue;
        peers.delete(peer);
        peers.set(peer, offer);
      }
      return true;
    }
    return false;
  };

  const attemptAt = (size: number, now: number): Attempt | undefined => {
    const underWay = attempts.get(size);
    if (underWay !== undefined || !makeRoom(now)) return underWay;
    const made = makeAttempt(size, { suspicious: false, now });
    attempts.set(size, made);
    return made;
  };

  const ask = (peer: MetadataPeer, now: number): void => {
    const offer = peers.get(peer);
    if (offer === undefined || known !== undefined) return;
    const attempt = attemptAt(offer.size, now);
    if (attempt === undefined) return;
    if (attempt.suspicious) attempt.sole ??= peer;
    if (attempt.sole !== undefined && attempt.sole !== peer) return;
    let waiting = 0;
    for (const asked of attempt.asked.values()) if (asked.peer === peer) waiting++;
    for (let piece = 0; piece < attempt.pieces.length && waiting < PER_PEER; piece++) {
      if (attempt.pieces[piece] !== undefined || offer.refused.has(piece)) continue;
      const asked = attempt.asked.get(piece);
      if (asked !== undefined && (asked.peer === peer || now - asked.at < ASK_AGAIN_AFTER)) continue;
      attempt.asked.set(piece, { peer, at: now });
      peer.send({ _tag: "Request", piece });
      waiting++;
    }
  };

  const askAll = (now: number): void => {
    for (const peer of [...peers.keys()]) ask(peer, now);
  };

  const assemble = (attempt: Attempt, now: number): void => {
    const whole = new Uint8Array(attempt.size);
    attempt.pieces.forEach((bytes, piece) => bytes !== undefined && whole.set(bytes, piece * METADATA_PIECE));
    if (options.isRight(whole)) {
      known = whole;
      attempts.clear();
      options.arrived(whole);
      return;
    }
    const alone = attempt.contributors.size === 1;
    for (const peer of attempt.contributors) {
      const times = (wrong.get(peer) ?? 0) + 1;
      wrong.set(peer, times);
      if (alone || times >= MAX_WRONG) {
        peers.delete(peer);
        peer.convict("sent wrong metadata");
      }
    }
    attempts.set(attempt.size, makeAttempt(attempt.size, { suspicious: true, now }));
    askAll(now);
  };

  return {
    offered: (peer, size, now) => {
      if (known !== undefined || !Number.isInteger(size) || size <= 0 || size > MAX_METADATA || peers.has(peer)) return;
      peers.set(peer, { size, refused: new Set() });
      ask(peer, now);
    },
    received: (peer, message, now) => {
      if (message._tag === "Request") {
        const bytes = known?.subarray(message.piece * METADATA_PIECE, (message.piece + 1) * METADATA_PIECE);
        if (known === undefined || bytes === undefined || bytes.length === 0)
          peer.send({ _tag: "Reject", piece: message.piece });
        else peer.send({ _tag: "Data", piece: message.piece, totalSize: known.length, data: bytes });
        return;
      }
      const offer = peers.get(peer);
      const attempt = offer && attempts.get(offer.size);
      if (offer === undefined || attempt === undefined || known !== undefined) return;
      if (attempt.asked.get(message.piece)?.peer !== peer) return;
      attempt.asked.delete(message.piece);
      if (message._tag === "Reject") offer.refused.add(message.piece);
      else if (message.data.length === pieceLength(attempt.size, message.piece)) {
        attempt.pieces[message.piece] = message.data;
        attempt.lastArrival = now;
        attempt.contributors.add(peer);
        options.useful(message.data.length, now);
        if (attempt.pieces.every((bytes) => bytes !== undefined)) {
          assemble(attempt, now);
          return;
        }
      } else offer.refused.add(message.piece);
      ask(peer, now);
    },
    left: (peer, now) => {
      const offer = peers.get(peer);
      peers.delete(peer);
      wrong.delete(peer);
      const attempt = offer && attempts.get(offer.size);
      if (attempt === undefined) return;
      if (attempt.sole === peer) attempts.set(attempt.size, makeAttempt(attempt.size, { suspicious: true, now }));
      for (const [piece, asked] of attempt.asked) if (asked.peer === peer) attempt.asked.delete(piece);
      if (![...peers.values()].some(({ size }) => size === attempt.size)) attempts.delete(attempt.size);
      askAll(now);
    },
    tick: askAll,
    bytes: () => known,
    offers: () => peers.size,
    progress: () => {
      let best: { done: number; total: number } = { done: 0, total: 0 };
      for (const attempt of attempts.values()) {
        const done = attempt.pieces.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
        if (done >= best.done) best = { done, total: attempt.size };
      }
      return best;
    },
  };
};

const makeAttempt = (size: number, { suspicious, now }: { suspicious: boolean; now: number }): Attempt => ({
  size,
  pieces: Array.from({ length: Math.ceil(size / METADATA_PIECE) }),
  asked: new Map(),
  contributors: new Set(),
  sole: undefined,
  suspicious,
  lastArrival: now,
});

const pieceLength = (size: number, piece: number): number => Math.min(METADATA_PIECE, size - piece * METADATA_PIECE);
