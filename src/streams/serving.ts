/**
 * Which of a peer's requests are answered: those it may make while unchoked, and while choked those of its allowed fast set (BEP 6). Every other one is
 * rejected or ignored, and too many of these end the conversation. Whom to choke is the choker's business, the answers are in uploads.ts.
 */
import * as NetAddress from "effect/net/NetAddress";
import { allowedFast } from "../schema/allowedFast.ts";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import { paddedLength } from "../schema/geometry.ts";
import type { PeerSettings } from "../schema/settings.ts";
import { type BlockSpan, MAX_PIECE_PAYLOAD } from "../schema/block.ts";
import type { EncodableMessage } from "../schema/message.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { Link } from "./link.ts";
import type { Torrent } from "./torrent.ts";
import type { Uploads } from "./uploads.ts";

/** Pieces that a peer may have while it is choked, if we have them (BEP 6). */
const ALLOWED_FAST = 10;
/** Requests in a row that were not answered, as a multiple of those that may wait: no honest peer is so slow to understand. */
const REFUSED_FACTOR = 2;

/** What we do about the requests of one peer. */
export interface Serving {
  /** Allows the pieces of its allowed fast set, and gives the messages that say so; none for a peer that does not know them. */
  readonly allow: (torrent: Torrent) => ReadonlyArray<EncodableMessage>;
  /** A returned reason ends the conversation. */
  readonly requested: (block: BlockSpan, torrent: Torrent | undefined, shown: boolean) => PeerReason | undefined;
  readonly cancelled: (block: BlockSpan) => void;
  /** Rejects what waits of a piece that we have no more. */
  readonly lost: (index: number) => void;
  /** Rejects a request that was taken. */
  readonly refuse: (block: BlockSpan) => void;
  /** We choke the peer, or no longer do; the first is so at the start. */
  readonly setChoked: (choked: boolean) => void;
  readonly choked: () => boolean;
}

/** Begins with the peer choked and nothing allowed. */
export const makeServing = (options: {
  readonly link: Link;
  readonly settings: PeerSettings;
  readonly uploads: Uploads;
  readonly hasher: Hasher["Service"];
  readonly say: (message: EncodableMessage) => void;
  /** Pieces that the peer lacks and that cost us little to read. */
  readonly suggestions: () => ReadonlyArray<number>;
}): Serving => {
  const { link, settings, uploads, say } = options;
  let choked = true;
  let refused = 0;
  /** Bytes of each allowed piece that it may still have while choked: all of it, once. */
  const allowed = new Map<number, number>();

  /** Counts the bytes of an allowed piece; whether there are so many left. */
  const spend = ({ index, length }: BlockSpan): boolean => {
    const left = (allowed.get(index) ?? 0) - length;
    if (left < 0) return false;
    allowed.set(index, left);
    return true;
  };
  const reject = ({ index, begin, length }: BlockSpan): void => {
    if (link.rejects) say({ _tag: "Reject", index, begin, length });
  };

  return {
    allow: ({ info, table }) => {
      const { address } = link.connection.remote;
      if (!link.fast || !NetAddress.isIpv4Address(address) || table.haveCount() === 0) return [];
      const { infoHash, pieceCount } = info;
      const set = allowedFast({ address, infoHash, pieceCount, size: ALLOWED_FAST, sha1: options.hasher.sha1 });
      for (const index of set) allowed.set(index, paddedLength(info, index));
      return set.map((index) => ({ _tag: "AllowedFast", index }));
    },
    requested: (block, torrent, shown) => {
      const { index, begin, length } = block;
      if (length === 0 || length > MAX_PIECE_PAYLOAD) return { _tag: "BadLength", message: "request", length };
      // Also without the metadata: we have said that we have nothing.
      if (torrent === undefined || begin + length > paddedLength(torrent.info, index))
        return { _tag: "OutOfRange", message: "request", index };
      const have = shown && torrent.table.have(index);
      if (have && (!choked || spend(block)) && uploads.add(block)) {
        refused = 0;
        return undefined;
      }
      if (++refused > settings.maxUploadRequests * REFUSED_FACTOR) return { _tag: "Flood", message: "request" };
      if (have && !choked && !link.rejects) return { _tag: "TooManyRequests", limit: settings.maxUploadRequests };
      reject(block);
      return undefined;
    },
    cancelled: (block) => {
      if (uploads.cancel(block)) reject(block);
    },
    lost: (index) => {
      for (const block of uploads.clear((waiting) => waiting.index !== index)) reject(block);
    },
    refuse: reject,
    setChoked: (now) => {
      if (now === choked) return;
      choked = now;
      refused = 0;
      say({ _tag: choked ? "Choke" : "Unchoke" });
      if (choked) for (const block of uploads.clear(spend)) reject(block);
      else if (link.fast) for (const index of options.suggestions()) say({ _tag: "Suggest", index });
    },
    choked: () => choked,
  };
};
