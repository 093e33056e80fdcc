/** What one conversation says of hashes (BEP 52): hands what comes to the fetching and the serving of the download. A conversation of v1 has none to ask for. */
import type { PeerReason } from "../../schema/errors/PeerError.ts";
import type { HashMessage } from "../../schema/hashMessages.ts";
import type { EncodableMessage } from "../../schema/message.ts";
import type { HashExchange } from "./exchange.ts";
import type { HashPeer } from "./fetching.ts";

/** The hashes in one conversation. Times are milliseconds of the monotonic clock. */
export interface HashTalk {
  /** Asks the peer for what it may have by now. */
  readonly refill: (now: number) => void;
  /** A returned reason ends the conversation. */
  readonly received: (message: HashMessage, now: number) => PeerReason | undefined;
  readonly close: (now: number) => void;
}

/** A talk in which nothing was asked. */
export const makeHashTalk = (options: {
  readonly hashes: HashExchange;
  /** Both sides go on with v2. */
  readonly v2: boolean;
  readonly say: (message: EncodableMessage) => void;
  /** Whether the peer has the piece. */
  readonly has: (piece: number) => boolean;
  /** The peer lied. */
  readonly convict: (why: string) => void;
}): HashTalk => {
  const { say, v2 } = options;
  const { fetching, serving } = options.hashes;
  const asker = { say };
  const peer: HashPeer = { ask: (range) => say({ _tag: "HashRequest", range }), has: options.has };
  if (v2) fetching.joined(peer);
  return {
    refill: (now) => {
      if (v2) fetching.refill(peer, now);
    },
    received: (message, now) => {
      switch (message._tag) {
        case "HashRequest":
          return serving.requested(asker, message.range, now);
        case "HashReject":
          fetching.rejected(peer, message.range, now);
          return undefined;
        case "Hashes": {
          const reason = fetching.received(peer, message, now);
          if (reason?._tag === "BadHashes") options.convict("sent hashes that do not prove right");
          return reason;
        }
      }
    },
    close: (now) => {
      serving.left(asker);
      fetching.left(peer, now);
    },
  };
};
