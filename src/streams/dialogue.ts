/**
 * Both sides' state in one conversation (BEP 3, 6): who chokes, who is interested, and what each message does to it. Synchronous, no socket of its
 * own. Which blocks (requests.ts), what is said first (greeting.ts), what is served (serving.ts), what the peer has (holdings.ts) and its extensions are rooms of their own.
 */
import type { PeerReason } from "../schema/errors/PeerError.ts";
import { blockLength } from "../schema/geometry.ts";
import type { PeerSettings } from "../schema/settings.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { Idleness } from "../services/Idleness/Idleness.ts";
import type { BlockSpan } from "../schema/block.ts";
import { encode, encodeHave, encodeRequests } from "../schema/wire.ts";
import type { EncodableMessage, Message } from "../schema/message.ts";
import { makeAllowances } from "./allowances.ts";
import type { Extensions } from "./extensions.ts";
import { greet } from "./greeting.ts";
import { makeHashTalk } from "./hashes/talk.ts";
import { makeHoldings } from "./holdings.ts";
import type { Link } from "./link.ts";
import type { Notices } from "./notices.ts";
import { makeRejects } from "./rejects.ts";
import { makeRequests, type Requests } from "./requests.ts";
import { makeServing } from "./serving.ts";
import { makeSuggested } from "./suggested.ts";
import type { SwarmState } from "./Swarm.ts";
import type { Torrent } from "./torrent.ts";
import type { Uploads } from "./uploads.ts";

/** The state of one conversation. Times are milliseconds of the monotonic clock. */
export interface Dialogue {
  /** What we say first: bitfield, extension handshake and allowed pieces in one. */
  readonly greeting: () => Uint8Array;
  /** Does what a message says; a returned reason ends the conversation. */
  readonly received: (message: Message, now: number) => PeerReason | undefined;
  /** The metadata is there; a returned reason ends the conversation. */
  readonly attach: (torrent: Torrent, now: number) => PeerReason | undefined;
  readonly gained: (index: number) => void;
  /** We have a piece no more (BEP 54). */
  readonly lost: (index: number) => void;
  /** The peer has a piece no more; a returned reason ends the conversation. */
  readonly peerLost: (index: number) => PeerReason | undefined;
  /** Timers: super-seeding. */
  readonly tick: (now: number) => void;
  /** A request that was taken cannot be answered after all. */
  readonly refuse: (block: BlockSpan) => void;
  /** Asks for more, by no more than `quota` bytes; without one, for what it likes unless there is a limit. Returns the bytes asked for. */
  readonly refill: (now: number, quota?: number) => number;
  readonly setChoked: (choked: boolean) => void;
  readonly requests: () => Requests | undefined;
  /** We choke the peer. */
  readonly choked: () => boolean;
  /** The peer chokes us; it wants something of ours; we of its. */
  readonly state: {
    readonly choking: boolean;
    readonly wants: boolean;
    readonly weWant: boolean;
  };
  readonly isSeed: () => boolean;
  /** Payload bytes of use that the peer delivered. */
  readonly delivered: () => number;
  readonly close: (now: number) => void;
}

/** A dialogue in which nothing was said. */
export const makeDialogue = (options: {
  readonly link: Link;
  readonly swarm: SwarmState;
  readonly settings: PeerSettings;
  readonly extensions: Extensions;
  readonly notices: Notices;
  readonly uploads: Uploads;
  readonly hasher: Hasher["Service"];
  readonly send: (bytes: Uint8Array) => void;
  /** The peer lied: it is banned and left. */
  readonly convict: (why: string) => void;
  /** We have said goodbye: the connection only has to close, and nothing is asked of the peer any more. */
  readonly parted: () => boolean;
  /** Bytes that may be asked for without waiting for a turn. */
  readonly quota: () => number;
  readonly idleness: Idleness;
  /** The peer became interested: it may be given a free slot. */
  readonly interested: () => void;
}): Dialogue => {
  const { link, swarm, settings, extensions, uploads, hasher, convict } = options;
  const holdings = makeHoldings();
  const state = { choking: true, wants: false, weWant: false };
  let attached: { torrent: Torrent; slot: number; requests: Requests } | undefined;
  const allowances = makeAllowances();
  const suggested = makeSuggested();
  let delivered = 0;

  const say = (message: EncodableMessage): void => options.send(encode(message));
  const suggestions = (): ReadonlyArray<number> =>
    swarm.recentReads.suggest(
      (index) =>
        attached?.torrent.table.have(index) === true &&
        !attached.torrent.table.hasPiece(attached.slot, index) &&
        isShown(index),
    );
  const hashTalk = makeHashTalk({ hashes: swarm.hashes, v2: link.v2, say, has: holdings.has, convict });
  const serving = makeServing({ link, settings, uploads, hasher, say, suggestions });

  const updateInterest = (): undefined => {
    if (attached === undefined) return;
    const want = attached.torrent.table.interesting(attached.slot);
    if (want === state.weWant) return;
    state.weWant = want;
    say({ _tag: want ? "Interested" : "NotInterested" });
  };

  /** The peer has one more piece, or many. */
  const gainedByPeer = (index?: number): undefined => {
    updateInterest();
    if (attached !== undefined) swarm.superSeeding()?.announced(attached.slot, index);
  };

  /** Whether the peer may know that we have the piece. */
  const isShown = (index: number): boolean =>
    attached === undefined || swarm.superSeeding()?.isShown(attached.slot, index) !== false;

  const refill = (now: number, quota = options.quota()): number => {
    if (options.parted()) return 0;
    hashTalk.refill(now);
    return attached?.requests.refill(now, state.choking, quota) ?? 0;
  };

  const rejects = makeRejects({
    agreed: link.rejects,
    lacks: (index) => {
      attached?.torrent.table.peerLost(attached.slot, index);
      updateInterest();
    },
  });

  /** A block of a length that was not asked for would be asked for again and again. */
  const misfit = (block: BlockSpan): PeerReason | undefined => {
    const { index, begin, length } = block;
    if (attached === undefined || length === blockLength(attached.torrent.info, index, begin)) return undefined;
    return { _tag: "BadLength", message: "piece", length };
  };

  const received = (message: Message, now: number): PeerReason | undefined => {
    switch (message._tag) {
      case "Piece":
        rejects.delivered();
        if (message.wanted) {
          delivered += message.length;
          swarm.totals.downloaded += message.length;
          swarm.totals.lastUseful = now;
        } else swarm.totals.wasted += message.length;
        return attached?.requests.arrived(message, now) === true && !message.wanted ? misfit(message) : undefined;
      case "KeepAlive":
        return undefined;
      case "Port":
        swarm.dht.told(link.connection.remote, message.port);
        return undefined;
      case "Choke":
        state.choking = true;
        if (!link.fast) attached?.requests.voided();
        return undefined;
      case "Unchoke":
        state.choking = false;
        return undefined;
      case "Interested":
        if (state.wants) return undefined;
        state.wants = true;
        options.interested();
        return undefined;
      case "NotInterested":
        state.wants = false;
        return undefined;
      case "Have":
        return holdings.have(message.index) ?? gainedByPeer(message.index);
      case "Bitfield":
        return holdings.bitfield(message.bits) ?? gainedByPeer();
      case "HaveAll":
        if (!link.fast) return { _tag: "FastViolation", message: "have all" };
        return holdings.all() ?? gainedByPeer();
      case "HaveNone":
        if (!link.fast) return { _tag: "FastViolation", message: "have none" };
        return holdings.none();
      case "Request":
        return serving.requested(message, attached?.torrent, isShown(message.index));
      case "Cancel":
        serving.cancelled(message);
        return undefined;
      case "Reject":
        return rejects.received(message, attached?.requests, state.choking);
      case "AllowedFast":
        if (!link.fast) return { _tag: "FastViolation", message: "allowed fast" };
        return allowances.allow(message.index);
      case "Suggest":
        if (!link.fast) return { _tag: "FastViolation", message: "suggest" };
        return suggested.suggest(message.index);
      case "Extended":
        return extensions.received(message.id, message.payload, now);
      case "HashRequest":
      case "Hashes":
      case "HashReject":
        return hashTalk.received(message, now);
    }
  };

  return {
    greeting: () => greet({ link, swarm, extensions, serving }),
    received,
    attach: (torrent, now) => {
      const slot = torrent.table.addPeer();
      const requests = makeRequests(torrent.assembler, {
        slot,
        address: link.address,
        ask: (blocks) => options.send(encodeRequests(blocks)),
        cancel: (index, begin, length) => say({ _tag: "Cancel", index, begin, length }),
        idleness: options.idleness,
        // One fewer than the peer says: transmission refuses the last one.
        most: () => Math.min(extensions.reqq() - 1, settings.maxRequests),
        whileChoked: allowances.pieces,
        first: () => (torrent.table.order === "sequential" ? undefined : suggested.pieces(torrent.table)),
      });
      attached = { torrent, slot, requests };
      swarm.superSeeding()?.join({ slot, show: (index) => options.send(encodeHave(index)) });
      const { pieceCount } = torrent.table;
      const bad = holdings.attach(torrent.table, slot) ?? allowances.attach(pieceCount) ?? suggested.attach(pieceCount);
      if (bad !== undefined) return bad;
      updateInterest();
      refill(now);
      return undefined;
    },
    gained: (index) => {
      if (attached === undefined) return;
      if (!attached.torrent.table.hasPiece(attached.slot, index)) options.send(encodeHave(index));
      updateInterest();
    },
    lost: (index) => {
      options.notices.lost(index);
      serving.lost(index);
      updateInterest();
    },
    peerLost: (index) => {
      const reason = holdings.lost(index);
      if (reason !== undefined || attached === undefined) return reason;
      if (!link.fast) attached.requests.lost(index);
      updateInterest();
      return undefined;
    },
    refuse: serving.refuse,
    tick: (now) => {
      if (attached !== undefined) swarm.superSeeding()?.tick(attached.slot, now);
    },
    refill,
    setChoked: serving.setChoked,
    choked: serving.choked,
    requests: () => attached?.requests,
    state,
    isSeed: () => attached?.torrent.table.isSeed(attached.slot) ?? false,
    delivered: () => delivered,
    close: (now) => {
      hashTalk.close(now);
      if (attached === undefined) return;
      attached.requests.close();
      swarm.superSeeding()?.leave(attached.slot);
      attached.torrent.table.removePeer(attached.slot);
      attached = undefined;
    },
  };
};
