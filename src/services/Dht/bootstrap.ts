/**
 * How our nodes come into the DHT: from the nodes of the last run (which are in their tables), those that torrents and magnets name, and the well-known
 * routers. Names are resolved one after the other and only while too few nodes are known: where there is no internet, each takes a thread of the machine for seconds.
 */
import * as Effect from "effect/Effect";
import * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import type { Contact } from "../../schema/compactNodes.ts";
import { DhtSettings } from "../../schema/settings.ts";
import type { Beginnings, DhtNode } from "./node.ts";
import type { HostPort } from "../../schema/hostPort.ts";

/** Contacts and addresses that are kept of each family. */
const MAX_BEGINNINGS = 200;
/** Addresses that are kept of one name. */
const MAX_RESOLVED = 8;
/** Names of torrents and magnets that are kept. */
const MAX_NAMES = 100;

/** Knows where to begin. */
export interface Bootstrap {
  /** Where a lookup of this family begins while its table is too small to. */
  readonly beginnings: (family: NetAddress.IpFamily, tableSize: number) => Beginnings;
  /** Adds names; they come before the routers. */
  readonly name: (nodes: ReadonlyArray<HostPort>) => void;
  /** A node of that address may be there. */
  readonly mention: (contact: Contact) => void;
  /** Joins with these nodes and joins again whenever they are alone; runs for ever. What `news` gives waits for the next change. */
  readonly join: (nodes: ReadonlyArray<DhtNode>, news: () => Effect.Effect<void>) => Effect.Effect<never>;
}

/** Knows nobody yet; `routers` come last. `byName`: names are not ours to resolve, nodes are greeted by them. */
export const makeBootstrap = Effect.fnUntraced(function* (
  routers: ReadonlyArray<HostPort>,
  byName: boolean,
): Effect.fn.Return<Bootstrap, never, Dns.Dns> {
  const dns = yield* Dns.Dns;
  const settings = yield* DhtSettings;
  const contacts: Array<Contact> = [];
  const addresses: Array<NetAddress.InetAddress> = [];
  const named: Array<HostPort> = [];
  let waiting: Array<HostPort> = [...routers];

  const beginnings: Bootstrap["beginnings"] = (family, tableSize) => {
    if (tableSize >= settings.bucketSize) return { nodes: [], addresses: [] };
    return {
      nodes: contacts.filter(({ address }) => NetAddress.familyOf(address) === family).slice(0, MAX_BEGINNINGS),
      addresses: addresses.filter((address) => NetAddress.familyOf(address) === family),
    };
  };

  /** Resolves the next name; false when there is none left. A name that is not found is no news for anybody. */
  const resolveNext = Effect.fnUntraced(function* (nodes: ReadonlyArray<DhtNode>) {
    const [name, ...rest] = waiting;
    if (name === undefined) return false;
    waiting = rest;
    const literal = NetAddress.ipFromString(name.host);
    if (byName && Result.isFailure(literal)) {
      yield* Effect.forEach(nodes, (node) => node.greetNamed(name), { concurrency: "unbounded", discard: true });
      return true;
    }
    const found: ReadonlyArray<NetAddress.IpAddress> = Result.isSuccess(literal)
      ? [literal.success]
      : yield* dns.lookup(name.host).pipe(
          Effect.tapError((error) => Effect.logDebug(`no DHT node at ${name.host}`, error)),
          Effect.orElseSucceed(() => []),
        );
    for (const ip of found.slice(0, MAX_RESOLVED)) addresses.push(NetAddress.inetAddressUnsafe(ip, name.port));
    return true;
  });

  /** Looks up the neighbourhood of our own ids, with what is known now. Alone, a node asks the others' answers for its own family as well. */
  const round = (nodes: ReadonlyArray<DhtNode>) =>
    Effect.forEach(
      nodes,
      (node) => {
        const want = nodes.some((other) => other.stats().nodes === 0) ? nodes.map(({ family }) => family) : [];
        return node.seek(
          node.id(),
          { _tag: "FindNode", target: node.id(), want },
          { from: beginnings(node.family, node.stats().nodes) },
        );
      },
      { concurrency: "unbounded", discard: true },
    );

  return {
    beginnings,
    name: (nodes) => {
      const fresh = nodes.filter(
        ({ host, port }) => !named.some((known) => known.host === host && known.port === port),
      );
      const taken = fresh.slice(0, MAX_NAMES - named.length);
      named.push(...taken);
      waiting = [...taken, ...waiting];
    },
    mention: (contact) => {
      if (contacts.length >= MAX_BEGINNINGS) contacts.shift();
      contacts.push(contact);
    },
    join: (nodes, news) =>
      Effect.gen(function* () {
        let delay = settings.bootstrapDelay;
        while (true) {
          const before = nodes.map((node) => ({ id: node.id(), readOnly: node.stats().readOnly }));
          yield* round(nodes);
          // somebody else meanwhile, since we were seen at another address, or one whom others may keep: they must hear of it
          if (nodes.some((node, i) => node.id() !== before[i]?.id || node.stats().readOnly !== before[i]?.readOnly))
            continue;
          if (nodes.some((node) => node.stats().nodes >= settings.bucketSize)) {
            delay = settings.bootstrapDelay;
            // one family is in the DHT; the other begins at the nodes that it has just heard of, if any
            const alone = nodes.filter((node) => node.stats().nodes === 0);
            yield* round(alone);
            yield* alone.length === 0 ? news() : Effect.timeoutOption(news(), settings.lookupInterval);
          } else if (!(yield* resolveNext(nodes))) {
            // small networks, and no network: what there is is asked again later
            yield* Effect.timeoutOption(news(), delay);
            delay = Math.min(delay * 2, settings.lookupInterval);
            waiting = addresses.length === 0 ? [...named, ...routers] : [];
          }
        }
      }),
  };
});
