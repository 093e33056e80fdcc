/**
 * One node of the DHT, on one address family (BEP 5, 32, 42, 43, 45): its id, its table, whom it answers, and how it looks things up. Where it finds its
 * first contacts is bootstrap.ts.
 *
 * Life cycle: listens and keeps its table fresh as long as the scope lives. Its id changes when others see us at an address that it does not fit.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FiberSet from "effect/FiberSet";
import * as NetAddress from "effect/net/NetAddress";
import * as Random from "effect/Random";
import type * as Scope from "effect/Scope";
import type { Contact } from "../../schema/compactNodes.ts";
import type { Answer, Query } from "../../schema/krpc.ts";
import { fitsAddress, inBucket, isLocal, makeNodeId, NODE_ID_LENGTH, type NodeId } from "../../schema/nodeId.ts";
import { DhtSettings } from "../../schema/settings.ts";
import type { Datagrams } from "../Datagrams/Datagrams.ts";
import type { SavedFamily } from "../../schema/dhtTable.ts";
import { makeAnswering } from "./answering.ts";
import { lookup, type LookupResult } from "./lookup.ts";
import { makePeerStore } from "./peerStore.ts";
import { isReachable, placeOf } from "./place.ts";
import { makeRpc } from "./rpc.ts";
import { makeTable } from "./table.ts";
import { monotonicMillis } from "../time.ts";
import { makeTokens } from "./tokens.ts";
import { makeVotes } from "./votes.ts";
import type { HostPort } from "../../schema/hostPort.ts";

/** Participants that are remembered as written to first by us: who else writes has found us by himself. */
const MAX_CONTACTED = 4_096;
/** Nodes that are pinged at each look at the table: all of a usual one within a quarter of an hour. */
const UPKEEP_PINGS = 4;
/** Pings under way to nodes that are not in the table. */
const MAX_GREETINGS = 16;

/** Where a lookup begins besides the table. */
export interface Beginnings {
  readonly nodes: ReadonlyArray<Contact>;
  readonly addresses: ReadonlyArray<NetAddress.InetAddress>;
}

/** A node. */
export interface DhtNode {
  readonly family: NetAddress.IpFamily;
  readonly id: () => NodeId;
  /** Asks towards `target` until the nearest nodes have answered. */
  readonly seek: (
    target: NodeId,
    query: Query,
    options: { readonly from: Beginnings; readonly heard?: (answer: Answer) => void },
  ) => Effect.Effect<LookupResult>;
  /** Tells the nodes of a finished lookup that we have the torrent; gives how many took it. */
  readonly announce: (
    closest: LookupResult["closest"],
    announce: { readonly infoHash: Uint8Array; readonly port: number; readonly seed: boolean },
  ) => Effect.Effect<number>;
  /** Pings an address; who answers is taken into the table where there is room. */
  readonly greet: (address: NetAddress.InetAddress) => void;
  /** The same by a name that is not ours to resolve; done when it answered or will not. */
  readonly greetNamed: (name: HostPort) => Effect.Effect<void>;
  readonly closest: (target: NodeId) => ReadonlyArray<Contact>;
  readonly contacts: () => ReadonlyArray<Contact>;
  readonly stats: () => NodeStats;
}

/** How a node stands. */
export interface NodeStats {
  /** Nodes in the table. */
  readonly nodes: number;
  /** Queries sent. */
  readonly queries: number;
  /** We answer nobody, since nobody has reached us yet (BEP 43). */
  readonly readOnly: boolean;
  /** Torrents that peers are kept of for others. */
  readonly torrents: number;
  /** Our address as others see it, once enough of them agree. */
  readonly address: NetAddress.IpAddress | undefined;
}

/** What a node is made with. */
export interface NodeOptions {
  readonly family: NetAddress.IpFamily;
  /** What the last run left. */
  readonly saved: SavedFamily | undefined;
  /** Addresses of this machine that others may see us at. */
  readonly own: ReadonlyArray<NetAddress.IpAddress>;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  /** Unpredictable bytes, for the secrets of tokens. */
  readonly secret: (length: number) => Uint8Array;
  /** Nodes of the other family, for those who want both (BEP 32). */
  readonly others: (target: NodeId) => ReadonlyArray<Contact>;
  /** An answer named a node of the other family (BEP 32). */
  readonly mentioned: (contact: Contact) => void;
  /** The first node came into the table or the last one is gone, or our id changed. */
  readonly moved: () => void;
}

/** Starts a node; it knows nobody yet. */
export const makeNode = Effect.fnUntraced(function* (
  options: NodeOptions,
): Effect.fn.Return<DhtNode, never, Datagrams | Scope.Scope> {
  const clock = yield* Clock.Clock;
  const chance = yield* Random.Random;
  const settings = yield* DhtSettings;
  const fibers = yield* FiberSet.make();
  const run = yield* FiberSet.runtime(fibers)();
  const { family } = options;

  const now = (): number => monotonicMillis(clock);
  const randomId = (): NodeId => Uint8Array.from({ length: NODE_ID_LENGTH }, () => chance.nextDoubleUnsafe() * 256);
  const isOwn = (ip: NetAddress.IpAddress): boolean =>
    options.own.some((own) => NetAddress.formatIp(own) === NetAddress.formatIp(ip));
  /** An address of ours that all the world can reach. */
  const outside = options.own.find(
    (own) => NetAddress.isFamily(own, family) && NetAddress.isUnicast(own) && !isLocal(own),
  );

  let id = options.saved?.id ?? (outside === undefined ? randomId() : makeNodeId(outside, randomId()));
  let table = makeTable(id, settings, now());
  for (const contact of options.saved?.nodes ?? []) table.restore(contact);
  let reached = outside !== undefined;
  let greetings = 0;
  const contacted = new Set<string>();
  const votes = makeVotes(settings.addressVotes);
  const store = makePeerStore(settings);

  const move = (next: NodeId): void => {
    const known = table.all();
    id = next;
    table = makeTable(id, settings, now());
    for (const contact of known) table.restore(contact);
    options.moved();
  };
  const seenAt = (voter: NetAddress.InetAddress, { address: ip }: NetAddress.InetAddress): void => {
    // no address was translated on the way: who may write to us at all can
    if (isOwn(ip) || (isLocal(ip) && isLocal(voter.address))) reached = true;
    votes.cast(voter, ip);
    const elected = votes.elected();
    if (elected !== undefined && NetAddress.isFamily(elected, family) && !fitsAddress(id, elected))
      move(makeNodeId(elected, randomId()));
  };
  const remember = (to: NetAddress.InetAddress): void => {
    contacted.add(placeOf(to));
    const [first] = contacted;
    if (contacted.size > MAX_CONTACTED && first !== undefined) contacted.delete(first);
  };

  const rpc = yield* makeRpc({
    family,
    settings,
    id: () => id,
    readOnly: () => !reached,
    asked: (message, from) => {
      reached ||= !contacted.has(placeOf(from));
      if (!reached) return;
      const contact: Contact = { id: message.id, address: from };
      table.asked(contact, now());
      rpc.reply(from, answering(message.query, message.transaction, { from, now: now() }));
      if (!message.readOnly && table.hasRoomFor(contact)) greet(from);
    },
    answered: (from, answerer, seenAs) => {
      const first = table.size() === 0;
      table.answered({ id: answerer, address: from }, now());
      if (seenAs !== undefined) seenAt(from, seenAs);
      if (first && table.size() > 0) options.moved();
    },
    silent: (to) => {
      const before = table.size();
      table.silent(to);
      if (before > 0 && table.size() === 0) options.moved();
    },
  });
  const ask: typeof rpc.ask = (to, query, handlers) => {
    remember(to);
    return rpc.ask(to, query, handlers);
  };
  const answering = makeAnswering({
    family,
    settings,
    id: () => id,
    store,
    tokens: makeTokens({ sha1: options.sha1, random: options.secret, rotation: settings.tokenRotation }),
    sha1: options.sha1,
    chance: () => chance.nextDoubleUnsafe(),
    closest: (wanted, target) =>
      wanted === family ? table.closest(target, settings.bucketSize) : options.others(target),
  });
  const greet = (address: NetAddress.InetAddress): void => {
    if (greetings >= MAX_GREETINGS || !isReachable(address)) return;
    greetings++;
    const done = (): void => void greetings--;
    ask(address, { _tag: "Ping" }, { answered: done, failed: done });
  };
  const seek: DhtNode["seek"] = (target, query, { from, heard }) =>
    Effect.suspend(() =>
      lookup({
        rpc: { ask },
        settings,
        family,
        own: id,
        target,
        query,
        nodes: [...table.closest(target, 2 * settings.bucketSize), ...from.nodes],
        addresses: from.addresses,
        heard: (answer) => {
          for (const contact of answer.nodes)
            if (NetAddress.familyOf(contact.address) !== family) options.mentioned(contact);
          heard?.(answer);
        },
      }),
    );

  const upkeep = Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(settings.upkeepInterval);
      for (const { address } of table.questionable(now(), UPKEEP_PINGS)) greet(address);
      const prefix = table.takeStale(now());
      if (prefix === undefined) continue;
      const target = inBucket(id, prefix, randomId());
      run(seek(target, { _tag: "FindNode", target, want: [] }, { from: { nodes: [], addresses: [] } }));
    }
  });
  yield* Effect.forkScoped(upkeep);

  return {
    family,
    id: () => id,
    seek,
    announce: (closest, { infoHash, port, seed }) =>
      Effect.map(
        Effect.forEach(
          closest.filter(({ token }) => token !== undefined),
          ({ address, token = new Uint8Array(0) }) =>
            Effect.option(rpc.query(address, { _tag: "AnnouncePeer", infoHash, port, token, seed })),
          { concurrency: "unbounded" },
        ),
        (answers) => answers.filter(({ _tag }) => _tag === "Some").length,
      ),
    greet,
    greetNamed: (name) => Effect.ignore(rpc.query(name, { _tag: "Ping" })),
    closest: (target) => table.closest(target, settings.bucketSize),
    contacts: () => table.all(),
    stats: () => ({
      nodes: table.size(),
      queries: rpc.sent(),
      readOnly: !reached,
      torrents: store.size(),
      address: votes.elected(),
    }),
  };
});
