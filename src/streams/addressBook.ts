/**
 * The addresses of one torrent's peers: which may be dialled, and when. It is told the time and waits for nothing; candidates.ts does the waiting.
 *
 * State: one map, bounded, from `address:port` to what became of it:
 * waiting (may be dialled when due) -> handed out -> connected -> waiting …, or given up after too many failures.
 */
import * as NetAddress from "effect/net/NetAddress";

/** Who named an address: a tracker, the user (`--peer`), the magnet link (`x.pe`), the peer itself, other peers, or an earlier run (`cache`). */
export type Source = "tracker" | "peer" | "magnet" | "incoming" | "dht" | "pex" | "lsd" | "cache";

/** What another peer said of one (BEP 11). */
export interface PexHint {
  /** Bits of `PexFlag`. */
  readonly flags: number;
  /** Who said it: with the flag `holepunch`, the peer can be reached through it (BEP 55). */
  readonly relay: NetAddress.InetAddress;
}

/** A peer that may be dialled. */
export interface Candidate {
  readonly address: NetAddress.InetAddress;
  readonly source: Source;
  /** The last hint, if a peer gave any. */
  readonly pex?: PexHint;
}

/**
 * How a dial or a connection ended: `useful` when data was got or given, `again` when we ended it to dial anew, `rejected` when the peer would not have us,
 * `duplicate` when it is the same peer as another connection's.
 */
export type Outcome = "useful" | "again" | "failed" | "rejected" | "duplicate";

/** Bounds and delays, in milliseconds; see `PeerSettings`. */
export interface AddressBookOptions {
  readonly maxCandidates: number;
  readonly reconnectDelay: number;
  readonly reconnectTries: number;
}

/** The book; times are milliseconds of one clock. */
export interface AddressBook {
  /** Notes an address; true when it may be dialled now and could not before. */
  readonly add: (candidate: Candidate, now: number) => boolean;
  /** Hands out the best address that is due: the user's first, untried before retried. */
  readonly take: (now: number, banned: (address: NetAddress.InetAddress) => boolean) => Candidate | undefined;
  /** When the next address will be due; infinite when none will. */
  readonly nextDue: () => number;
  /** False when whoever named it was forgotten meanwhile. */
  readonly connected: (address: NetAddress.InetAddress) => boolean;
  readonly disconnected: (address: NetAddress.InetAddress, outcome: Outcome, now: number) => void;
  /** The address is our own. */
  readonly ours: (address: NetAddress.InetAddress) => void;
  /** Forgets addresses that only this source named, once they are not connected; gives those that are. */
  readonly forget: (source: Source) => ReadonlyArray<string>;
  /** Addresses known, connected or not. */
  readonly known: () => number;
}

/** The longest wait before an address of the user's is dialled again. */
const USER_DELAY_CAP = 60_000;
/** The longest wait before any other is. */
const DELAY_CAP = 600_000;
/** An address that was given up may be named anew after this long. */
const RENEWAL = 300_000;
/** Addresses remembered as our own: a peer that shows our id could otherwise add one with each connection. */
const MAX_OWN = 256;
/** An address of a peer that we are connected to by another is tried again after this long. */
const DUPLICATE_DELAY = 300_000;

interface Entry {
  readonly address: NetAddress.InetAddress;
  /** Empty for a connection from an address that nobody named: it cannot be dialled. */
  readonly sources: Set<Source>;
  state: "waiting" | "handed" | "connected" | "givenUp";
  tried: boolean;
  /** In a row. */
  failures: number;
  /** When it may be dialled; when it was given up, for one that was. */
  due: number;
  pex: PexHint | undefined;
}

const isUsers = (entry: Entry): boolean => entry.sources.has("peer");
/** Smaller is sooner. */
const rank = (entry: Entry): number => (isUsers(entry) ? 0 : 2) + (entry.tried ? 1 : 0);
/** Larger is dropped sooner. */
const worthlessness = (entry: Entry): number => (entry.state === "givenUp" ? Infinity : entry.failures);

/** An empty book. */
export const makeAddressBook = (options: AddressBookOptions): AddressBook => {
  const entries = new Map<string, Entry>();
  const own = new Set<string>();
  /** Ports on which we listen at all of the machine's addresses. */
  const ownPorts = new Set<number>();

  const keyOf = (address: NetAddress.InetAddress): string => NetAddress.formatInet(address);
  const isDialable = (address: NetAddress.InetAddress): boolean =>
    address.port !== 0 &&
    NetAddress.isUnicast(address.address) &&
    !own.has(keyOf(address)) &&
    !(ownPorts.has(address.port) && NetAddress.isLoopback(address.address));

  const delayOf = (entry: Entry): number =>
    Math.min(options.reconnectDelay * 2 ** (entry.failures - 1), isUsers(entry) ? USER_DELAY_CAP : DELAY_CAP);
  const wait = (entry: Entry, due: number): void => {
    entry.state = "waiting";
    entry.due = due;
  };
  /** Drops the least promising address; false when all are as good as a new one. */
  const makeRoom = (forUser: boolean): boolean => {
    let worst: string | undefined;
    let worstOf = forUser ? -1 : 0;
    for (const [key, entry] of entries) {
      if (isUsers(entry) || (entry.state !== "waiting" && entry.state !== "givenUp")) continue;
      if (worthlessness(entry) <= worstOf) continue;
      worst = key;
      worstOf = worthlessness(entry);
    }
    return worst !== undefined && entries.delete(worst);
  };
  const renew = (entry: Entry, { source, pex }: Candidate, now: number): boolean => {
    entry.sources.add(source);
    entry.pex = pex ?? entry.pex;
    if (entry.state !== "givenUp" || (source !== "peer" && now - entry.due < RENEWAL)) return false;
    entry.failures = 0;
    wait(entry, now);
    return true;
  };

  return {
    add: (candidate, now) => {
      const address = NetAddress.toCanonical(candidate.address);
      if (!isDialable(address)) return false;
      const known = entries.get(keyOf(address));
      if (known !== undefined) return renew(known, candidate, now);
      if (entries.size >= options.maxCandidates && !makeRoom(candidate.source === "peer")) return false;
      entries.set(keyOf(address), {
        address,
        sources: new Set([candidate.source]),
        state: "waiting",
        tried: false,
        failures: 0,
        due: now,
        pex: candidate.pex,
      });
      return true;
    },
    take: (now, banned) => {
      let best: Entry | undefined;
      for (const [key, entry] of entries) {
        if (entry.state !== "waiting" || entry.due > now) continue;
        if (banned(entry.address)) {
          entries.delete(key);
          continue;
        }
        const order = best === undefined ? -1 : rank(entry) - rank(best) || entry.due - best.due;
        if (order < 0) best = entry;
      }
      if (best === undefined) return undefined;
      best.state = "handed";
      best.tried = true;
      const [first = "incoming"] = best.sources;
      const source = isUsers(best) ? "peer" : first;
      return { address: best.address, source, ...(best.pex !== undefined && { pex: best.pex }) };
    },
    nextDue: () => {
      let due = Infinity;
      for (const entry of entries.values()) if (entry.state === "waiting") due = Math.min(due, entry.due);
      return due;
    },
    connected: (remote) => {
      const address = NetAddress.toCanonical(remote);
      const entry = entries.get(keyOf(address));
      if (entry !== undefined) {
        if (entry.state === "handed" && entry.sources.size === 0) return false;
        entry.state = "connected";
      } else {
        const sources = new Set<Source>();
        const state = { state: "connected", tried: true, failures: 0, due: 0, pex: undefined } as const;
        entries.set(keyOf(address), { address, sources, ...state });
      }
      return true;
    },
    disconnected: (remote, outcome, now) => {
      const key = keyOf(NetAddress.toCanonical(remote));
      const entry = entries.get(key);
      if (entry === undefined || entry.state === "waiting" || entry.state === "givenUp") return;
      if (entry.sources.size === 0) entries.delete(key);
      else if (outcome === "duplicate") wait(entry, now + DUPLICATE_DELAY);
      else if (outcome === "useful" || outcome === "again") {
        entry.failures = 0;
        wait(entry, outcome === "again" ? now : now + options.reconnectDelay);
      } else {
        entry.failures++;
        if (isUsers(entry) || entry.failures < options.reconnectTries) wait(entry, now + delayOf(entry));
        else {
          entry.state = "givenUp";
          entry.due = now;
        }
      }
    },
    ours: (remote) => {
      const address = NetAddress.toCanonical(remote);
      if (NetAddress.isUnspecified(address.address)) ownPorts.add(address.port);
      else if (own.size < MAX_OWN) own.add(keyOf(address));
      for (const [key, entry] of entries) if (!isDialable(entry.address)) entries.delete(key);
    },
    forget: (source) => {
      const connected: Array<string> = [];
      for (const [key, entry] of entries) {
        if (!entry.sources.delete(source) || entry.sources.size > 0) continue;
        if (entry.state === "connected") connected.push(key);
        else if (entry.state !== "handed") entries.delete(key);
      }
      return connected;
    },
    known: () => entries.size,
  };
};
