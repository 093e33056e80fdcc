/**
 * The routing table of one node (BEP 5): who is known, by distance. It sends nothing: it is told who answered, who asked and who was silent, and says whom
 * to ping. Everybody in it has answered at least once, in this run or in the one before.
 *
 * State: buckets by the length of the prefix shared with our own id, the last one covering all longer prefixes; it is split when it is full. Each bucket
 * keeps as many replacements as nodes.
 */
import type * as NetAddress from "effect/net/NetAddress";
import type { Contact } from "../../schema/compactNodes.ts";
import { commonPrefix, compareDistance, NODE_ID_BITS, type NodeId, sameId } from "../../schema/nodeId.ts";
import type { DhtSettings } from "../../schema/settings.ts";
import { neighbourhoodOf, placeOf } from "./place.ts";

/** A node of the table. Times are milliseconds of the monotonic clock. */
interface Entry extends Contact {
  readonly place: string;
  /** When it last answered, or asked; minus infinity for one of the last run. */
  heard: number;
  /** Queries of ours in a row that it left unanswered. */
  failures: number;
}

interface Bucket {
  readonly nodes: Array<Entry>;
  readonly replacements: Array<Entry>;
  /** When a node last came or answered. */
  changed: number;
}

/** The one that was not heard of for longer first. */
const byHeard = (a: Entry, b: Entry): number => (a.heard === b.heard ? 0 : a.heard - b.heard);

/** A routing table. */
export interface Table {
  /** Takes in a node of the last run: it is asked like others, and bad the first time that it is silent. */
  readonly restore: (contact: Contact) => void;
  /** The node answered: it is good, and taken in where there is room. */
  readonly answered: (contact: Contact, now: number) => void;
  /** The node asked something. */
  readonly asked: (contact: Contact, now: number) => void;
  /** The node at this address left a query unanswered. */
  readonly silent: (address: NetAddress.InetAddress) => void;
  /** Whether an unknown node would be taken in if it answered. */
  readonly hasRoomFor: (contact: Contact) => boolean;
  /** Up to `count` nodes that are not known to be bad, nearest first. */
  readonly closest: (target: NodeId, count: number) => ReadonlyArray<Contact>;
  /** Up to `count` nodes that may be gone, those first that were not heard of for longest. */
  readonly questionable: (now: number, count: number) => ReadonlyArray<Contact>;
  /** The length of the prefix of a bucket in which nothing happened for too long; counts as refreshed then. */
  readonly takeStale: (now: number) => number | undefined;
  /** All nodes, those that answered last first. */
  readonly all: () => ReadonlyArray<Contact>;
  /** How many nodes answered in this run and are not bad since. */
  readonly size: () => number;
}

/** An empty table around `own`, made `now`. */
export const makeTable = (own: NodeId, settings: DhtSettings, now: number): Table => {
  const { bucketSize, badAfter, goodFor } = settings;
  const makeBucket = (changed: number): Bucket => ({ nodes: [], replacements: [], changed });
  const buckets: Array<Bucket> = [makeBucket(now)];
  const byPlace = new Map<string, Entry>();

  const indexOf = (id: NodeId): number => Math.min(commonPrefix(own, id), buckets.length - 1);
  const bucketOf = (id: NodeId): Bucket => buckets[indexOf(id)] ?? makeBucket(0);
  const isBad = (entry: Entry): boolean => entry.failures >= badAfter;
  /** It was heard of in this run. */
  const isProven = (entry: Entry): boolean => entry.heard > -Infinity;

  const drop = (bucket: Bucket, entry: Entry): void => {
    bucket.nodes.splice(bucket.nodes.indexOf(entry), 1);
    byPlace.delete(entry.place);
  };
  const put = (bucket: Bucket, entry: Entry): void => {
    bucket.nodes.push(entry);
    byPlace.set(entry.place, entry);
  };
  const canSplit = (bucket: Bucket): boolean => bucket === buckets[buckets.length - 1] && buckets.length < NODE_ID_BITS;
  const split = (bucket: Bucket): void => {
    const deeper = makeBucket(bucket.changed);
    const depth = buckets.push(deeper) - 1;
    for (const list of ["nodes", "replacements"] as const) {
      const kept = bucket[list].filter((entry) => commonPrefix(own, entry.id) < depth);
      deeper[list].push(...bucket[list].filter((entry) => !kept.includes(entry)));
      bucket[list].splice(0, Infinity, ...kept);
    }
  };

  const isCrowded = (bucket: Bucket, contact: Contact): boolean => {
    const network = neighbourhoodOf(contact.address);
    return network !== undefined && bucket.nodes.some((entry) => neighbourhoodOf(entry.address) === network);
  };
  /** Notes a node for the time when one of the bucket turns bad; the latest are kept. */
  const keepAside = (bucket: Bucket, entry: Entry): void => {
    const known = bucket.replacements.findIndex((other) => other.place === entry.place);
    if (known >= 0) bucket.replacements.splice(known, 1);
    bucket.replacements.push(entry);
    if (bucket.replacements.length > bucketSize) bucket.replacements.shift();
  };

  /** A replacement takes the place of a bad node. */
  const replace = (bucket: Bucket, bad: Entry): void => {
    const next = bucket.replacements.findLastIndex((entry) => !byPlace.has(entry.place));
    const [entry] = next < 0 ? [] : bucket.replacements.splice(next, 1);
    if (entry === undefined) return;
    drop(bucket, bad);
    put(bucket, entry);
  };

  const insert = (entry: Entry): void => {
    const bucket = bucketOf(entry.id);
    if (isCrowded(bucket, entry)) return;
    const bad = bucket.nodes.find(isBad);
    const unproven = bucket.nodes.find((other) => !isProven(other));
    if (bucket.nodes.length < bucketSize) put(bucket, entry);
    else if (bad !== undefined) {
      drop(bucket, bad);
      put(bucket, entry);
    } else if (canSplit(bucket)) {
      split(bucket);
      insert(entry);
    } else if (unproven !== undefined && isProven(entry)) {
      drop(bucket, unproven);
      put(bucket, entry);
    } else keepAside(bucket, entry);
  };

  const isSame = (entry: Entry, { id, address }: Contact): boolean =>
    sameId(entry.id, id) && entry.address.port === address.port;

  return {
    restore: ({ id, address }) => {
      const place = placeOf(address);
      if (sameId(id, own) || byPlace.has(place)) return;
      insert({ id, address, place, heard: -Infinity, failures: badAfter - 1 });
    },
    answered: (contact, now) => {
      if (sameId(contact.id, own)) return;
      const place = placeOf(contact.address);
      const known = byPlace.get(place);
      if (known !== undefined && isSame(known, contact)) {
        known.heard = now;
        known.failures = 0;
      } else {
        // one participant is one node: another port of its counts only when the first went silent, another id only at the same port
        if (known !== undefined) {
          if (known.address.port !== contact.address.port && known.failures === 0) return;
          drop(bucketOf(known.id), known);
        }
        insert({ id: contact.id, address: contact.address, place, heard: now, failures: 0 });
      }
      bucketOf(contact.id).changed = now;
    },
    asked: (contact, now) => {
      const known = byPlace.get(placeOf(contact.address));
      if (known !== undefined && isSame(known, contact) && known.failures === 0) known.heard = now;
    },
    silent: (address) => {
      const known = byPlace.get(placeOf(address));
      if (known === undefined || known.address.port !== address.port) return;
      known.failures++;
      if (isBad(known)) replace(bucketOf(known.id), known);
    },
    hasRoomFor: (contact) => {
      if (sameId(contact.id, own) || byPlace.has(placeOf(contact.address))) return false;
      const bucket = bucketOf(contact.id);
      if (isCrowded(bucket, contact)) return false;
      return bucket.nodes.length < bucketSize || canSplit(bucket) || bucket.nodes.some(isBad);
    },
    closest: (target, count) => {
      // nodes of the target's own bucket and of those deeper are nearer than all others, and those nearer the longer the prefix
      const first = indexOf(target);
      const found: Array<Entry> = [];
      const take = (bucket: Bucket | undefined): void => {
        for (const entry of bucket?.nodes ?? []) if (!isBad(entry)) found.push(entry);
      };
      take(buckets[first]);
      if (found.length < count) for (let i = first + 1; i < buckets.length; i++) take(buckets[i]);
      for (let i = first - 1; i >= 0 && found.length < count; i--) take(buckets[i]);
      return found.sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, count);
    },
    questionable: (now, count) =>
      [...byPlace.values()]
        .filter((entry) => !isBad(entry) && (entry.failures > 0 || now - entry.heard >= goodFor))
        .sort(byHeard)
        .slice(0, count),
    takeStale: (now) => {
      const index = buckets.findIndex(({ changed, nodes }) => nodes.length > 0 && now - changed >= goodFor);
      const bucket = buckets[index];
      if (bucket === undefined) return undefined;
      bucket.changed = now;
      return index;
    },
    all: () => [...byPlace.values()].filter((entry) => !isBad(entry)).sort((a, b) => byHeard(b, a)),
    size: () => {
      let good = 0;
      for (const entry of byPlace.values()) if (isProven(entry) && !isBad(entry)) good++;
      return good;
    },
  };
};
