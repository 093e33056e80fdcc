/** A conversation as the rest of its download sees it: what the swarm, the choker and the replacing of peers know of it, and may tell it. */
import * as Hex from "effect/encoding/Hex";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { PeerSettings } from "../schema/settings.ts";
import type { PexPeer } from "../schema/utPex.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Extensions } from "./extensions.ts";
import type { Link } from "./link.ts";
import type { Liveness } from "./liveness.ts";
import type { Torrent } from "./torrent.ts";

/** One conversation, as the rest of the download sees it. Methods are synchronous; times are milliseconds of the monotonic clock. */
export interface Member {
  /** Unique in this download. */
  readonly serial: number;
  /** `address:port`. */
  readonly address: string;
  readonly peerId: string;
  readonly direction: "incoming" | "outgoing";
  readonly connectedAt: number;
  /** Both sides go on with v2 (BEP 52). */
  readonly v2: boolean;
  readonly client: () => string;
  /** The metadata arrived. */
  readonly attach: (torrent: Torrent) => void;
  /** We have one more piece. */
  readonly gained: (index: number) => void;
  /** We have one piece less. */
  readonly lost: (index: number) => void;
  /** Asks for more, by no more than `quota` bytes where that is given. Returns the bytes asked for. */
  readonly refill: (now: number, quota?: number) => number;
  /** Timers: snubbing, keep-alive, idleness. */
  readonly tick: (now: number) => void;
  readonly setChoked: (choked: boolean, now: number) => void;
  /** Ends the conversation. */
  readonly part: (reason: PeerReason) => void;
  /** How others are told of it; absent while nobody could reach it. */
  readonly contact: () => PexPeer | undefined;
  readonly isSeed: () => boolean;
  /** The peer chokes us. */
  readonly choking: () => boolean;
  /** We choke the peer. */
  readonly choked: () => boolean;
  readonly chokedSince: () => number;
  /** The peer wants something of ours. */
  readonly wants: () => boolean;
  readonly weWant: () => boolean;
  readonly snubbed: () => boolean;
  /** Bytes per second. */
  readonly downloadRate: (now: number) => number;
  /** Payload bytes of use that it delivered, and that it was sent. */
  readonly delivered: () => number;
  readonly uploaded: () => number;
}

/** Somebody who asks for payload: a conversation, or a connection to a web seed. */
export type Asker = Pick<Member, "refill">;

/** The connected peers among `members` that can be told of. */
export const contacts = function* (members: Iterable<Member>): Generator<PexPeer> {
  for (const member of members) {
    const contact = member.contact();
    if (contact !== undefined) yield contact;
  }
};

/** The member that speaks through a dialogue. */
export const makeMember = (options: {
  readonly serial: number;
  readonly link: Link;
  readonly connectedAt: number;
  readonly settings: PeerSettings;
  readonly dialogue: Dialogue;
  readonly extensions: Extensions;
  readonly liveness: Liveness;
  readonly contact: Member["contact"];
  /** Two sides that download nothing have nothing to do with each other (BEP 21). */
  readonly bothShare: () => boolean;
  readonly uploaded: () => number;
  readonly keepAlive: () => void;
  readonly part: (reason: PeerReason) => void;
  readonly now: () => number;
}): Member => {
  const { link, dialogue, extensions, liveness, settings, part } = options;
  let chokedSince = options.connectedAt;
  return {
    serial: options.serial,
    address: link.address,
    peerId: Hex.encode(link.peerId),
    direction: link.connection.direction,
    connectedAt: options.connectedAt,
    v2: link.v2,
    client: extensions.client,
    attach: (torrent) => {
      const bad = dialogue.attach(torrent, options.now());
      if (bad !== undefined) part(bad);
    },
    gained: dialogue.gained,
    lost: dialogue.lost,
    refill: dialogue.refill,
    tick: (now) => {
      const { state } = dialogue;
      dialogue.requests()?.checkSnubbed(now, settings.snubTimeout);
      extensions.tick(now);
      dialogue.tick(now);
      if (state.wants || state.weWant) liveness.ofUse(now);
      const end = liveness.end(now) ?? (options.bothShare() ? { _tag: "Useless" } : undefined);
      if (end !== undefined) part(end);
      else if (liveness.isQuiet(now)) options.keepAlive();
      dialogue.refill(now);
    },
    setChoked: (choked, now) => {
      if (choked !== dialogue.choked()) chokedSince = now;
      dialogue.setChoked(choked);
    },
    part,
    contact: options.contact,
    isSeed: dialogue.isSeed,
    choking: () => dialogue.state.choking,
    choked: dialogue.choked,
    chokedSince: () => chokedSince,
    wants: () => dialogue.state.wants,
    weWant: () => dialogue.state.weWant,
    snubbed: () => dialogue.requests()?.snubbed() ?? false,
    downloadRate: (now) => dialogue.requests()?.rate(now) ?? 0,
    delivered: dialogue.delivered,
    uploaded: options.uploaded,
  };
};
