/**
 * What is said in a conversation apart from pieces: sent at once, whatever waits, since it is little. A peer that reads none of it is left. Pieces go out in
 * uploads.ts, which waits for the connection.
 */
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { Connection } from "../services/Transport/Transport.ts";

/** Bytes of small messages that may wait, above the transport's high-water mark, for a peer that does not read. */
const MAX_UNREAD = 1024 * 1024;

/** Our side of one conversation. */
export interface Voice {
  readonly send: (bytes: Uint8Array) => void;
  /** A piece went out: the peer reads, and what was said before is out too. */
  readonly relieved: () => void;
}

/** A voice that has said nothing. */
export const makeVoice = (options: {
  readonly connection: Pick<Connection, "sendUnsafe">;
  /** Something goes out. */
  readonly said: () => void;
  readonly part: (reason: PeerReason) => void;
}): Voice => {
  let unread = 0;
  return {
    send: (bytes) => {
      options.said();
      if (options.connection.sendUnsafe(bytes)) unread = 0;
      else {
        unread += bytes.length;
        if (unread > MAX_UNREAD) options.part({ _tag: "NotReading", waiting: unread });
      }
    },
    relieved: () => {
      options.said();
      unread = 0;
    },
  };
};
