/**
 * The contract of a piece table: what the pipeline tells it of pieces and peers and what it answers. The table itself is in table.ts.
 */

/** What a table is made for. */
export interface PieceTableOptions {
  readonly pieceCount: number;
  /** `rarest`: rarest first with random ties, the first few at random; `sequential`: in order. */
  readonly order: "rarest" | "sequential";
  /** Bits of the pieces to fetch. */
  readonly wanted: Uint8Array;
  /** Bits of the pieces that are there already. */
  readonly have: Uint8Array;
}

/** A peer's place in the table; reused after `removePeer`. */
export type PeerSlot = number;

/** The state of all pieces of one torrent and of who has them. */
export interface PieceTable {
  readonly pieceCount: number;
  readonly order: PieceTableOptions["order"];
  /** Adds a peer that has nothing yet. */
  readonly addPeer: () => PeerSlot;
  readonly removePeer: (peer: PeerSlot) => void;
  /** The peer got a piece; a second time is no change. */
  readonly peerHas: (peer: PeerSlot, index: number) => void;
  /** The peer lost a piece (BEP 54). */
  readonly peerLost: (peer: PeerSlot, index: number) => void;
  /** Replaces what the peer has; `bits` fits the torrent. */
  readonly peerHasBits: (peer: PeerSlot, bits: Uint8Array) => void;
  readonly peerHasAll: (peer: PeerSlot) => void;
  readonly hasPiece: (peer: PeerSlot, index: number) => boolean;
  readonly isSeed: (peer: PeerSlot) => boolean;
  /** How many pieces the peer has. */
  readonly peerCount: (peer: PeerSlot) => number;
  /** Whether the peer has any piece that we want and do not have (open or not): "interested". */
  readonly interesting: (peer: PeerSlot) => boolean;
  /**
   * The best piece that the peer has, that is wanted and neither open nor had; -1 when there is none. `among`, when given, restricts it (bits):
   * the allowed-fast set while choked. Does not open it.
   */
  readonly choose: (peer: PeerSlot, among?: Uint8Array) => number;
  /** The piece is being fetched (or written): not to be chosen. */
  readonly open: (index: number) => void;
  /** The piece was given up or failed: to be chosen again. */
  readonly reopen: (index: number) => void;
  /** The piece is verified and written. */
  readonly got: (index: number) => void;
  /** A piece that we had is lost (its file was damaged): to be fetched again. */
  readonly lost: (index: number) => void;
  readonly have: (index: number) => boolean;
  readonly wanted: (index: number) => boolean;
  /** Bits of what we have: live, not to be changed. */
  readonly haveBits: Uint8Array;
  readonly haveCount: () => number;
  /** Wanted pieces that we do not have. */
  readonly missing: () => number;
  /** Wanted pieces that we do not have and that are not open: 0 means that end-game may begin. */
  readonly unopened: () => number;
  /** How many connected peers have the piece. */
  readonly availability: (index: number) => number;
  /** Copies of the rarest missing wanted piece among the connected peers: 0 means that it cannot complete now. */
  readonly rarest: () => number;
}
