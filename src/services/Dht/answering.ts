/** What a node answers when others ask (BEP 5, 32, 33): from its table, its store of peers and its tokens. It decides nothing about whom to answer. */
import * as NetAddress from "effect/net/NetAddress";
import { addToBloom, emptyBloom } from "../../schema/bloom.ts";
import type { Contact } from "../../schema/compactNodes.ts";
import { ERROR_CODE, type Krpc, type Query } from "../../schema/krpc.ts";
import type { NodeId } from "../../schema/nodeId.ts";
import type { DhtSettings } from "../../schema/settings.ts";
import type { PeerStore } from "./peerStore.ts";
import type { Tokens } from "./tokens.ts";

/** Bytes of an answer that are no list: ids, keys, the token, our version, the address of the asker. */
const ANSWER_OVERHEAD = 200;
/** Bytes of both filters and their keys. */
const FILTERS_LENGTH = 530;
/** Peers told at once at the most, as in libtorrent. */
const MAX_VALUES = 100;

/** What answers are made of. */
export interface AnsweringOptions {
  readonly family: NetAddress.IpFamily;
  readonly settings: DhtSettings;
  readonly id: () => NodeId;
  readonly store: PeerStore;
  readonly tokens: Tokens;
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  /** A number from 0 to 1. */
  readonly chance: () => number;
  /** Our nodes nearest to a target, of either family. */
  readonly closest: (family: NetAddress.IpFamily, target: NodeId) => ReadonlyArray<Contact>;
}

/** The answer to a query of `from`. */
export type Answering = (
  query: Query,
  transaction: Uint8Array,
  asker: { readonly from: NetAddress.InetAddress; readonly now: number },
) => Exclude<Krpc, { readonly _tag: "Query" }>;

/** Makes the function that answers. */
export const makeAnswering = (options: AnsweringOptions): Answering => {
  const { settings, store, tokens } = options;
  const nodeLength = { IPv4: 26, IPv6: 38 };
  const peerLength = options.family === "IPv4" ? 6 + 2 : 18 + 3;

  const nodesFor = (target: NodeId, want: ReadonlyArray<NetAddress.IpFamily>): ReadonlyArray<Contact> =>
    (want.length === 0 ? [options.family] : want).flatMap((family) => options.closest(family, target));

  const filterOf = (peers: ReadonlyArray<{ readonly address: NetAddress.InetAddress }>): Uint8Array => {
    const filter = emptyBloom();
    for (const { address } of peers) {
      const ip = address.address;
      const octets = NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip);
      addToBloom(filter, options.sha1(Uint8Array.from(octets)));
    }
    return filter;
  };

  return (query, transaction, { from, now }) => {
    const id = options.id();
    const answer = (rest: Partial<Extract<Krpc, { readonly _tag: "Answer" }>["answer"]>): ReturnType<Answering> => ({
      _tag: "Answer",
      transaction,
      answer: { id, nodes: [], peers: [], ...rest },
      seenAs: from,
    });
    switch (query._tag) {
      case "Ping":
        return answer({});
      case "FindNode":
        return answer({ nodes: nodesFor(query.target, query.want) });
      case "GetPeers": {
        const nodes = nodesFor(query.infoHash, query.want);
        const known = store.get(query.infoHash, now);
        const told = query.noSeed ? known.filter(({ seed }) => !seed) : known;
        const taken = nodes.reduce(
          (sum, { address }) => sum + nodeLength[NetAddress.familyOf(address)],
          ANSWER_OVERHEAD,
        );
        const room = settings.answerLength - taken - (query.scrape ? FILTERS_LENGTH : 0);
        const count = Math.max(0, Math.min(MAX_VALUES, Math.floor(room / peerLength), told.length));
        const first = Math.floor(options.chance() * told.length);
        const filters = query.scrape && {
          seedFilter: filterOf(known.filter(({ seed }) => seed)),
          peerFilter: filterOf(known.filter(({ seed }) => !seed)),
        };
        const peers = [...told.slice(first), ...told.slice(0, first)].slice(0, count).map(({ address }) => address);
        return answer({ nodes, peers, token: tokens.give(from, now), ...filters });
      }
      case "AnnouncePeer": {
        if (!tokens.check(from, query.token, now))
          return { _tag: "Error", transaction, code: ERROR_CODE.protocol, text: "bad token" };
        const address = NetAddress.inetAddressUnsafe(from.address, query.port ?? from.port);
        store.add(query.infoHash, { address, seed: query.seed }, now);
        return answer({});
      }
    }
  };
};
