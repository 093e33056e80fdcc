/**
 * Who is connected, for one download, and what they all share: the registry that broadcasts, the ticker and the choker go through, and the rooms that each
 * conversation is given. It decides nothing itself; each conversation registers a `Member` (member.ts) and acts on what it is told.
 *
 * Life cycle: one per download; members come and go with their conversations.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Random from "effect/Random";
import type * as Scope from "effect/Scope";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { Hasher } from "../services/Hasher.ts";
import { monotonicMillis } from "../services/time.ts";
import type { Acquaintances } from "./acquaintances.ts";
import type { DhtHook } from "./dhtPeers.ts";
import type { Encryption } from "./encryption.ts";
import { type HashExchange, makeHashExchange } from "./hashes/exchange.ts";
import type { Holepunch } from "./holepunch.ts";
import type { Asker, Member } from "./member.ts";
import type { MetadataExchange } from "./metadata.ts";
import type { Names } from "./names.ts";
import { makeRecentReads, type RecentReads } from "./recentReads.ts";
import { makeSuperSeeding, type SuperSeeding } from "./superSeeding.ts";
import type { PeerExchange } from "./pex.ts";
import type { Torrent } from "./torrent.ts";
import { makeReadBuffers, type ReadBuffers } from "./uploads.ts";
import type { Vantage } from "./vantage.ts";

/** Payload bytes since the start, and when the last useful one came (milliseconds of the monotonic clock). */
export interface Totals {
  downloaded: number;
  uploaded: number;
  wasted: number;
  lastUseful: number;
}

/** The connected peers of one download and what they share. */
export interface SwarmState {
  readonly names: Names;
  /** Ours, 20 bytes. */
  readonly peerId: Uint8Array;
  readonly members: ReadonlySet<Member>;
  /** Who asks for payload and is no peer. */
  readonly askers: ReadonlySet<Asker>;
  readonly totals: Totals;
  readonly torrent: () => Torrent | undefined;
  /** Waits for the metadata. */
  readonly attached: Effect.Effect<Torrent>;
  readonly metadata: MetadataExchange;
  readonly hashes: HashExchange;
  /** The port by which peers from outside reach us; absent when there is none. */
  readonly port: () => number | undefined;
  readonly dht: DhtHook;
  readonly exchange: PeerExchange;
  /** How we look from outside. */
  readonly vantage: Vantage;
  readonly encryption: Encryption;
  readonly holepunch: Holepunch;
  /** A peer became interested: it may get a free slot. */
  readonly interested: () => void;
  /** Who is told of that. */
  readonly onInterested: (fill: () => void) => void;
  readonly nextSerial: () => number;
  readonly join: (member: Member) => void;
  readonly leave: (member: Member) => void;
  /** Lets somebody ask for payload as the members do, for as long as the scope. */
  readonly enlist: (asker: Asker) => Effect.Effect<void, never, Scope.Scope>;
  /** Tells all members of the torrent's metadata and pieces, and lets them be asked for the hashes that are not known (BEP 52). */
  readonly attach: (torrent: Torrent, now: number) => void;
  /** Tells all members of a new piece and lets those refill that went without. */
  readonly gained: (index: number, now: number) => void;
  /** Notes that a piece is no longer on disk, and tells all members. */
  readonly lost: (index: number) => void;
  /** What is shown to whom, while we do not show all. */
  readonly superSeeding: () => SuperSeeding | undefined;
  /** What was read for members last. */
  readonly recentReads: RecentReads;
  /** Memory for what is read for the members. */
  readonly readBuffers: ReadBuffers;
  /** Lets all members ask for more: blocks are free again. */
  readonly refill: (now: number) => void;
  /** Lets members refill that found no buffer, if there are any. */
  readonly wake: (now: number) => void;
  /** A failure of the disk found while serving, or a defect in it: ends the download. */
  readonly broken: Deferred.Deferred<never, StorageError>;
}

/** The swarm of the download at hand. */
export class Swarm extends Context.Service<Swarm, SwarmState>()("bt-effect/streams/Swarm") {}

/** A swarm that nobody has joined. */
export const makeSwarm = Effect.fnUntraced(function* (options: {
  readonly names: Names;
  readonly peerId: Uint8Array;
  readonly metadata: MetadataExchange;
  readonly totals: Totals;
  readonly port: () => number | undefined;
  readonly vantage: Vantage;
  readonly dht: DhtHook;
  readonly exchange: PeerExchange;
  readonly acquaintances: Acquaintances;
  readonly encryption: Encryption;
  readonly holepunch: Holepunch;
  /** Show what is complete piece by piece (BEP 16). */
  readonly superSeed: boolean;
}): Effect.fn.Return<SwarmState, never, Hasher> {
  const broken = yield* Deferred.make<never, StorageError>();
  const random = yield* Random.Random;
  const clock = yield* Clock.Clock;
  const { sha256 } = yield* Hasher;
  let superSeeding: SuperSeeding | undefined;
  const attached = yield* Deferred.make<Torrent>();
  const members = new Set<Member>();
  const askers = new Set<Asker>();
  let torrent: Torrent | undefined;
  let serial = 0;
  let fillSlots: () => void = () => {};
  const refillAll = (now: number): void => {
    for (const member of members) member.refill(now);
    for (const asker of askers) asker.refill(now);
  };
  const wake = (now: number): void => {
    if (torrent?.assembler.takeStarved() === true) refillAll(now);
  };
  const hashes = makeHashExchange({
    torrent: () => torrent,
    sha256,
    useful: (now) => {
      options.totals.lastUseful = now;
    },
    // What can be judged now may be fetched now.
    learnt: () => refillAll(monotonicMillis(clock)),
  });
  return {
    names: options.names,
    peerId: options.peerId,
    members,
    askers,
    attached: Deferred.await(attached),
    totals: options.totals,
    torrent: () => torrent,
    metadata: options.metadata,
    hashes,
    port: options.port,
    dht: options.dht,
    exchange: options.exchange,
    vantage: options.vantage,
    encryption: options.encryption,
    holepunch: options.holepunch,
    interested: () => fillSlots(),
    onInterested: (fill) => {
      fillSlots = fill;
    },
    nextSerial: () => serial++,
    join: (member) => {
      members.add(member);
      options.acquaintances.join(member);
      if (torrent !== undefined) member.attach(torrent);
    },
    leave: (member) => {
      members.delete(member);
      options.acquaintances.leave(member);
    },
    enlist: (asker) =>
      Effect.acquireRelease(
        Effect.sync(() => void askers.add(asker)),
        () => Effect.sync(() => askers.delete(asker)),
      ),
    attach: (known, now) => {
      torrent = known;
      Deferred.doneUnsafe(attached, Effect.succeed(known));
      if (options.superSeed && known.table.haveCount() === known.table.pieceCount)
        superSeeding = makeSuperSeeding(known.table, () => random.nextDoubleUnsafe());
      for (const member of members) member.attach(known);
      hashes.attach(known, now);
    },
    gained: (index, now) => {
      for (const member of members) member.gained(index);
      wake(now);
    },
    lost: (index) => {
      if (torrent === undefined || !torrent.table.have(index)) return;
      torrent.lost(index);
      for (const member of members) member.lost(index);
    },
    superSeeding: () => superSeeding,
    recentReads: makeRecentReads(),
    readBuffers: makeReadBuffers(),
    refill: refillAll,
    wake,
    broken,
  };
});
