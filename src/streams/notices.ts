/**
 * What the two sides of a conversation tell each other of their state by way of extensions: that one downloads nothing (`upload_only`, BEP 21) and that it
 * lost a piece (`lt_donthave`, BEP 54). It ends no conversation and keeps no pieces itself.
 *
 * Life cycle: made with the conversation; what the peer can be told is known once it greeted.
 */
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { ExtensionHandshake } from "../schema/extension.ts";

/** The ids that peers are to use for these messages; the same as libtorrent's. */
export const NOTICE_IDS = { upload_only: 3, lt_donthave: 7 } as const;

/** Bytes of an `upload_only` and of a `lt_donthave` message. */
const FLAG_LENGTH = 1;
const INDEX_LENGTH = 4;

/** The notices between us and one peer. */
export interface Notices {
  /** Whether our greeting is to say that we download nothing. */
  readonly greeting: () => boolean;
  /** The peer's extension handshake came. */
  readonly greeted: (theirs: ExtensionHandshake) => void;
  /** A message of one of our ids came; a returned reason ends the conversation. */
  readonly received: (id: number, payload: Uint8Array) => PeerReason | undefined;
  /** The peer downloads nothing. */
  readonly uploadOnly: () => boolean;
  /** Tells that we have a piece no more. */
  readonly lost: (index: number) => void;
  /** Tells that we download nothing any more, or again, when that is new. */
  readonly tick: () => void;
}

/** Notices between two sides that have told each other nothing. */
export const makeNotices = (options: {
  /** We download nothing, and say so. */
  readonly uploadOnly: () => boolean;
  /** The peer lost a piece; a returned reason ends the conversation. */
  readonly peerLost: (index: number) => PeerReason | undefined;
  /** Sends an extended message. */
  readonly say: (id: number, payload: Uint8Array) => void;
}): Notices => {
  let theirUploadOnly = false;
  let uploadOnlyId = 0;
  let dontHaveId = 0;
  let told = false;

  return {
    greeting: () => {
      told = options.uploadOnly();
      return told;
    },
    greeted: (theirs) => {
      uploadOnlyId = theirs.messages.get("upload_only") ?? uploadOnlyId;
      dontHaveId = theirs.messages.get("lt_donthave") ?? dontHaveId;
      theirUploadOnly = theirs.uploadOnly ?? theirUploadOnly;
    },
    received: (id, payload) => {
      if (id === NOTICE_IDS.upload_only) {
        if (payload.length !== FLAG_LENGTH) return { _tag: "BadExtension", name: "upload_only", why: "not one byte" };
        theirUploadOnly = payload[0] !== 0;
      }
      if (id === NOTICE_IDS.lt_donthave) {
        if (payload.length !== INDEX_LENGTH)
          return { _tag: "BadExtension", name: "lt_donthave", why: "not four bytes" };
        return options.peerLost(new DataView(payload.buffer, payload.byteOffset).getUint32(0));
      }
      return undefined;
    },
    uploadOnly: () => theirUploadOnly,
    lost: (index) => {
      if (dontHaveId === 0) return;
      const payload = new Uint8Array(INDEX_LENGTH);
      new DataView(payload.buffer).setUint32(0, index);
      options.say(dontHaveId, payload);
    },
    tick: () => {
      const now = options.uploadOnly();
      if (now === told || uploadOnlyId === 0) return;
      told = now;
      options.say(uploadOnlyId, Uint8Array.of(Number(now)));
    },
  };
};
