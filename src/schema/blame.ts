/**
 * Who lied when a piece did not verify (smart ban). Pure bookkeeping in memory: it hashes nothing and bans nobody.
 *
 * State: one record per failed piece, bounded in pieces and blocks (the oldest go first), dropped when the piece verifies.
 */
import * as Option from "effect/Option";

/** A block of a failed piece, and who sent it. */
export interface Contribution {
  /** Offset in the piece, in bytes. */
  readonly begin: number;
  /** `address:port`; absent when it was on disk already. */
  readonly peer: string | undefined;
  /** Of what was sent; kept, not copied. */
  readonly digest: Uint8Array;
  /** Whether the block is what makes the piece wrong, where the hashes of blocks are known (BEP 52). */
  readonly wrong?: boolean;
}

/** The record of what was sent and who is to blame. */
export interface Blame {
  /** The piece did not verify. Returns who is convicted at once: those of the blocks known to be wrong, else a sole contributor. */
  readonly failed: (index: number, blocks: ReadonlyArray<Contribution>) => ReadonlyArray<string>;
  /** The piece verified; `digestOf` gives the digest of the good block, if there is such a block. Returns who had sent something else. */
  readonly verified: (index: number, digestOf: (begin: number) => Uint8Array | undefined) => ReadonlyArray<string>;
  /**
   * The piece is not right yet, but the hashes of its blocks have been learnt (BEP 52): `digestOf` gives them. Returns who had sent something else;
   * nobody is sought any more.
   */
  readonly compared: (index: number, digestOf: (begin: number) => Uint8Array | undefined) => ReadonlyArray<string>;
  /** The piece failed with several contributors: take it from a single peer next, if possible, so that the next failure names one. */
  readonly suspect: (index: number) => boolean;
  /** How often the piece failed with peers that had not been convicted before, once that is so often that the torrent or the disk must be bad. */
  readonly hopeless: (index: number) => Option.Option<number>;
}

/** Bounds of the record. */
export interface BlameLimits {
  /** Failed pieces remembered. */
  readonly pieces: number;
  /** Blocks remembered, of all pieces together. */
  readonly blocks: number;
  /** Convicted peers remembered. */
  readonly convicts: number;
  /** Failures after which a piece is hopeless. */
  readonly failures: number;
}

/** The defaults: about 6 MiB at the most. */
export const defaultBlameLimits: BlameLimits = { pieces: 1_024, blocks: 32_768, convicts: 10_000, failures: 5 };

interface Sent {
  readonly begin: number;
  readonly peer: string;
  readonly digest: Uint8Array;
}

interface FailedPiece {
  failures: number;
  readonly blocks: Array<Sent>;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
};

/** An empty record. */
export const makeBlame = (limits: BlameLimits = defaultBlameLimits): Blame => {
  /** By index, the longest unchanged first. */
  const pieces = new Map<number, FailedPiece>();
  const convicts = new Set<string>();
  let blocks = 0;

  const drop = (index: number): void => {
    blocks -= pieces.get(index)?.blocks.length ?? 0;
    pieces.delete(index);
  };
  const convict = (peer: string): void => {
    convicts.add(peer);
    for (const oldest of convicts) {
      if (convicts.size <= limits.convicts) break;
      convicts.delete(oldest);
    }
  };
  /** Makes room by dropping the oldest pieces; the latest fits by itself. */
  const bound = (): void => {
    for (const oldest of pieces.keys()) {
      if (pieces.size <= limits.pieces && blocks <= limits.blocks) return;
      drop(oldest);
    }
  };
  const remember = (piece: FailedPiece, { begin, peer, digest }: Contribution): void => {
    if (peer === undefined || piece.blocks.length >= limits.blocks) return;
    piece.blocks.push({ begin, peer, digest });
    blocks++;
  };

  /** Convicts those who sent something else than the good blocks. */
  const expose = (index: number, digestOf: (begin: number) => Uint8Array | undefined): ReadonlyArray<string> => {
    const liars = new Set<string>();
    const good = new Map<number, Uint8Array>();
    for (const { begin, peer, digest } of pieces.get(index)?.blocks ?? []) {
      if (liars.has(peer)) continue;
      const right = good.get(begin) ?? digestOf(begin);
      if (right === undefined) continue;
      good.set(begin, right);
      if (!same(digest, right)) liars.add(peer);
    }
    for (const peer of liars) convict(peer);
    return [...liars];
  };

  return {
    failed: (index, sent) => {
      const piece = pieces.get(index) ?? { failures: 0, blocks: [] };
      pieces.delete(index);
      pieces.set(index, piece);
      const wrong = sent.filter((block) => block.wrong === true);
      const contributors = new Set((wrong.length > 0 ? wrong : sent).map(({ peer }) => peer));
      const peers = [...contributors].filter((peer) => peer !== undefined);
      if (!peers.some((peer) => convicts.has(peer))) piece.failures++;
      // With blocks from the disk among them, they may be the bad ones.
      const convicted = contributors.size === 1 || wrong.length > 0 ? peers : [];
      for (const peer of convicted) convict(peer);
      if (convicted.length === 0 && wrong.length === 0) for (const block of sent) remember(piece, block);
      bound();
      return convicted;
    },
    verified: (index, digestOf) => {
      const liars = expose(index, digestOf);
      drop(index);
      return liars;
    },
    compared: (index, digestOf) => {
      const liars = expose(index, digestOf);
      const piece = pieces.get(index);
      blocks -= piece?.blocks.splice(0).length ?? 0;
      return liars;
    },
    suspect: (index) => (pieces.get(index)?.blocks.length ?? 0) > 0,
    hopeless: (index) =>
      Option.filter(Option.fromNullishOr(pieces.get(index)?.failures), (failures) => failures >= limits.failures),
  };
};
