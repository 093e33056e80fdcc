/**
 * Which hashes are asked of whom (BEP 52): parts of the piece layers that are not known, from several peers at once; and, before those, the hashes of the
 * blocks of a piece that failed. What a part is and takes in is in parts.ts: nothing that does not prove right by the root of its file.
 *
 * State: what is wanted and of whom it was asked, in this closure. Life cycle: one per download; it has something to do from `begin` on.
 */
import * as Hex from "effect/encoding/Hex";
import type { PeerReason } from "../../schema/errors/PeerError.ts";
import { type HashRange, keyOf } from "../../schema/hashRange.ts";
import { blocksOf, type HashSubject, type Part, partsOf } from "./parts.ts";

/** Requests waiting with one peer. */
const PER_PEER = 4;
/**
 * A part is asked of another peer after this many milliseconds; one that rejected it, or said nothing, may be asked again after `FORGIVE_AFTER`, and its
 * silence no longer counts as a request that waits.
 */
const ASK_AGAIN_AFTER = 20_000;
const FORGIVE_AFTER = 60_000;
/** Parts that are looked at to find one for a peer; those that it was of no use for are not met again at once. */
const LOOKS = 64;
/** Parts that a peer rejected; one that has rejected more is left alone for `FORGIVE_AFTER`. */
const MAX_REFUSED = 256;
/** Pieces whose blocks' hashes are sought at once, and for how long, in milliseconds. */
const MAX_DOUBTS = 64;
const DOUBT_FOR = 60_000;

/** A peer that may be asked. */
export interface HashPeer {
  readonly ask: (range: HashRange) => void;
  /** Whether it has the piece, and so its hashes. */
  readonly has: (piece: number) => boolean;
}

/** The fetching of one download. Times are milliseconds of the monotonic clock. */
export interface HashFetching {
  readonly begin: (subject: HashSubject, now: number) => void;
  readonly joined: (peer: HashPeer) => void;
  /** The peer may have more than before. */
  readonly refill: (peer: HashPeer, now: number) => void;
  readonly left: (peer: HashPeer, now: number) => void;
  /** Hashes came; a returned reason ends the conversation. */
  readonly received: (
    peer: HashPeer,
    answer: { readonly range: HashRange; readonly hashes: Uint8Array },
    now: number,
  ) => PeerReason | undefined;
  readonly rejected: (peer: HashPeer, range: HashRange, now: number) => void;
  /** The piece failed, and it is not known which of its blocks is wrong: `learn` is given their hashes, and says whether they prove right. */
  readonly doubt: (piece: number, learn: (leaves: Uint8Array) => boolean, now: number) => void;
  readonly tick: (now: number) => void;
  /** Peers that may be asked. */
  readonly askable: () => number;
}

interface Asked {
  /** By key, since when, and how many answers may come: what has waited for long stays when it is asked for once more. */
  readonly waiting: Map<string, { readonly part: Part; readonly since: number; readonly answers: number }>;
  /** When it rejected what, by key. */
  readonly refused: Map<string, number>;
  restsUntil: number;
}

/** A fetching that has nothing to do yet. */
export const makeHashFetching = (options: { readonly useful: (now: number) => void }): HashFetching => {
  const peers = new Map<HashPeer, Asked>();
  let subject: HashSubject | undefined;
  /** What is wanted, the most urgent first, and the one that is looked at next. */
  let wanted: Array<Part> = [];
  let cursor = 0;
  /** By piece, with the time since when. */
  const doubts = new Map<number, { readonly part: Part; readonly since: number }>();

  const hasAny = (peer: HashPeer, { first, last }: Part["pieces"]): boolean => {
    for (let piece = first; piece <= last; piece++) if (peer.has(piece)) return true;
    return false;
  };
  const isFor = (peer: HashPeer, asked: Asked, part: Part, now: number): boolean => {
    if (now - part.askedAt < ASK_AGAIN_AFTER) return false;
    const waitsSince = asked.waiting.get(part.key)?.since;
    if (waitsSince !== undefined && now - waitsSince < FORGIVE_AFTER) return false;
    const refusedAt = asked.refused.get(part.key);
    if (refusedAt !== undefined && now - refusedAt < FORGIVE_AFTER) return false;
    return hasAny(peer, part.pieces);
  };
  const isBusy = ({ waiting }: Asked, now: number): boolean => {
    let count = 0;
    for (const { since } of waiting.values()) if (now - since < FORGIVE_AFTER) count++;
    return count >= PER_PEER;
  };
  /** Finds something to ask a peer for: what tells liars first. */
  const choose = (peer: HashPeer, asked: Asked, now: number): Part | undefined => {
    for (const { part } of doubts.values()) if (isFor(peer, asked, part, now)) return part;
    for (let looks = 0; looks < LOOKS; looks++) {
      const part = wanted[cursor] ?? wanted[(cursor = 0)];
      if (part === undefined) return undefined;
      if (part.done) {
        wanted[cursor] = wanted.at(-1) ?? part;
        wanted.pop();
      } else {
        cursor++;
        if (isFor(peer, asked, part, now)) return part;
      }
    }
    return undefined;
  };
  /** Asks a peer for one thing more; whether it did. */
  const askOne = (peer: HashPeer, now: number): boolean => {
    const asked = peers.get(peer);
    if (asked === undefined || now < asked.restsUntil || isBusy(asked, now)) return false;
    const part = choose(peer, asked, now);
    if (part === undefined) return false;
    part.askedAt = now;
    asked.waiting.set(part.key, { part, since: now, answers: 1 + (asked.waiting.get(part.key)?.answers ?? 0) });
    peer.ask(part.range);
    return true;
  };
  /** Asks all peers in turn, as long as there is something to ask for. */
  const askAll = (now: number): void => {
    if (wanted.length + doubts.size === 0) return;
    for (let free = [...peers.keys()]; free.length > 0;) free = free.filter((peer) => askOne(peer, now));
  };
  const refill = (peer: HashPeer, now: number): void => {
    while (wanted.length + doubts.size > 0 && askOne(peer, now));
  };
  const answered = (peer: HashPeer, range: HashRange): Part | undefined => {
    const asked = peers.get(peer);
    const key = keyOf(range);
    const entry = asked?.waiting.get(key);
    if (entry === undefined) return undefined;
    const answers = entry.answers - 1;
    if (answers === 0) asked?.waiting.delete(key);
    else asked?.waiting.set(key, { ...entry, since: -Infinity, answers });
    return entry.part;
  };

  return {
    begin: (known, now) => {
      subject = known;
      const roots = new Set<string>();
      wanted = known.files.flatMap((index) => {
        const root = Hex.encode(known.info.files[index]?.piecesRoot ?? new Uint8Array());
        if (roots.has(root)) return [];
        roots.add(root);
        return partsOf(known, index);
      });
      askAll(now);
    },
    joined: (peer) => void peers.set(peer, { waiting: new Map(), refused: new Map(), restsUntil: -Infinity }),
    refill,
    left: (peer, now) => {
      for (const { part } of peers.get(peer)?.waiting.values() ?? []) part.askedAt = -Infinity;
      peers.delete(peer);
      askAll(now);
    },
    received: (peer, { hashes, range }, now) => {
      const part = answered(peer, range);
      if (part === undefined) return { _tag: "Unrequested", message: "hashes" };
      if (!part.done) {
        // Before that, for learning may be the end of it all.
        part.done = true;
        if (!part.learn(hashes)) {
          part.done = false;
          part.askedAt = -Infinity;
          return { _tag: "BadHashes" };
        }
        options.useful(now);
        if (doubts.get(part.pieces.first)?.part === part) doubts.delete(part.pieces.first);
      }
      refill(peer, now);
      return undefined;
    },
    rejected: (peer, range, now) => {
      const part = answered(peer, range);
      const asked = peers.get(peer);
      if (part === undefined || asked === undefined) return;
      part.askedAt = -Infinity;
      asked.refused.set(part.key, now);
      if (asked.refused.size > MAX_REFUSED) {
        asked.refused.clear();
        asked.restsUntil = now + FORGIVE_AFTER;
      }
      askAll(now);
    },
    doubt: (piece, learn, now) => {
      if (subject === undefined || doubts.has(piece) || doubts.size >= MAX_DOUBTS) return;
      const part = blocksOf(subject, piece, learn);
      if (part === undefined) return;
      doubts.set(piece, { part, since: now });
      askAll(now);
    },
    askable: () => peers.size,
    tick: (now) => {
      for (const [piece, { since }] of doubts) if (now - since > DOUBT_FOR) doubts.delete(piece);
      askAll(now);
    },
  };
};
