/**
 * The model of a torrent that all versions (v1, v2, hybrid) parse into. Pure data; the reader of .torrent files fills it
 * (BEP 3, 12, 19, 27, 47, 52).
 */
import type { InfoHash } from "./infoHash.ts";
import type { HostPort } from "./hostPort.ts";

/** One file of a torrent, in torrent order. */
export interface TorrentFile {
  /** Sanitised, disambiguated path elements, without the torrent's own root folder; a single file's is `[name]`. */
  readonly path: ReadonlyArray<string>;
  /** Bytes. */
  readonly length: number;
  /** Where its bytes begin in the concatenation of all files (v2-only: where its first piece begins, a multiple of the piece length). */
  readonly offset: number;
  /** Padding (BEP 47): all zeros, never written. */
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /** Target of a symbolic link, relative to the torrent's root (BEP 47). */
  readonly symlink?: ReadonlyArray<string>;
  /** Root of the file's merkle tree, 32 bytes (BEP 52). */
  readonly piecesRoot?: Uint8Array;
}

/** What the info dictionary says; what the info-hash is taken over. */
export interface TorrentInfo {
  readonly version: "v1" | "v2" | "hybrid";
  /** The hash used on the wire: v1's where there is one, else the truncated v2 hash. */
  readonly infoHash: InfoHash;
  /** SHA-1 of the info dictionary, hex; absent for v2-only. */
  readonly infoHashV1?: string;
  /** SHA-256 of the info dictionary, hex; absent for v1-only. */
  readonly infoHashV2?: string;
  /** Sanitised name: of the file (single) or of the root folder (multi). */
  readonly name: string;
  readonly layout: "single" | "multi";
  /** Bytes. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes of all files, pads included. */
  readonly totalLength: number;
  readonly files: ReadonlyArray<TorrentFile>;
  /** SHA-1 of each piece, 20 × pieceCount bytes; empty for v2-only. */
  readonly pieces: Uint8Array;
  readonly private: boolean;
  readonly source?: string;
  /** The exact bytes of the info dictionary. */
  readonly bytes: Uint8Array;
  /** Names that had to be changed: what the torrent said and what is used. */
  readonly renamed: ReadonlyArray<{ readonly from: string; readonly to: string }>;
}

/** A whole .torrent: the info and what stands around it. */
export interface Metainfo {
  readonly info: TorrentInfo;
  /** Tiers of announce URLs (BEP 12), in the torrent's order (not shuffled). */
  readonly trackers: ReadonlyArray<ReadonlyArray<string>>;
  /** BEP 19. */
  readonly webSeeds: ReadonlyArray<string>;
  /** BEP 17. */
  readonly httpSeeds: ReadonlyArray<string>;
  /** DHT nodes (BEP 5). */
  readonly nodes: ReadonlyArray<HostPort>;
  /** v2 piece layers by root in hex (BEP 52), checked against the roots. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  /** Tolerated oddities, as sentences. */
  readonly warnings: ReadonlyArray<string>;
}
