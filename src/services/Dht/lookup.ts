/**
 * One iterative lookup (BEP 5): asks ever nearer nodes until the nearest that answer have all been asked. It works on a list of candidates that it owns, in
 * plain code; nothing of it is left when it ends or is interrupted.
 */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import type { Contact } from "../../schema/compactNodes.ts";
import type { Answer, Query } from "../../schema/krpc.ts";
import { compareDistance, isLocal, type NodeId, sameId } from "../../schema/nodeId.ts";
import type { DhtSettings } from "../../schema/settings.ts";
import { isReachable, placeOf } from "./place.ts";
import type { Rpc } from "./rpc.ts";

/** Candidates that are kept, in buckets: the farthest are dropped. */
const KEPT_BUCKETS = 8;
/** Participants that one lookup looks at in all. */
const MAX_SEEN = 4_000;

/** What a lookup is for. */
export interface LookupOptions {
  readonly rpc: Pick<Rpc, "ask">;
  readonly settings: DhtSettings;
  readonly family: NetAddress.IpFamily;
  /** Our own id: we do not ask ourselves. */
  readonly own: NodeId;
  readonly target: NodeId;
  readonly query: Query;
  /** Where to begin: nodes, and addresses of nodes whose ids are not known. */
  readonly nodes: ReadonlyArray<Contact>;
  readonly addresses: ReadonlyArray<NetAddress.InetAddress>;
  /** Each answer as it comes. */
  readonly heard?: (answer: Answer) => void;
}

/** How a lookup ended. */
export interface LookupResult {
  /** The nearest nodes that answered, nearest first, with the tokens that they gave. */
  readonly closest: ReadonlyArray<Contact & { readonly token: Uint8Array | undefined }>;
  readonly asked: number;
  readonly answered: number;
}

interface Candidate {
  /** Of a node that only its address is known of, ours until it answers. */
  id: NodeId | undefined;
  readonly address: NetAddress.InetAddress;
  state: "new" | "asked" | "slow" | "answered" | "failed";
  token: Uint8Array | undefined;
}

/** What of an answer may be followed: who is outside our networks cannot send us to addresses within them. */
const within = (from: NetAddress.InetAddress, answer: Answer): Answer => {
  if (isLocal(from.address)) return answer;
  const outside = ({ address }: NetAddress.InetAddress): boolean => !isLocal(address);
  return {
    ...answer,
    nodes: answer.nodes.filter(({ address }) => outside(address)),
    peers: answer.peers.filter(outside),
  };
};

/** Runs a lookup to its end. */
export const lookup = (options: LookupOptions): Effect.Effect<LookupResult> =>
  Effect.callback((resume) => {
    const { settings, target } = options;
    const candidates: Array<Candidate> = [];
    const seen = new Set<string>();
    const forgets = new Set<() => void>();
    let asked = 0;
    let answered = 0;
    let underWay = 0;
    let slow = 0;
    let ended = false;

    /** Sorts a candidate in: those without an id come first. */
    const insert = (candidate: Candidate): void => {
      const { id } = candidate;
      const farther =
        id === undefined
          ? 0
          : candidates.findIndex((other) => other.id !== undefined && compareDistance(target, id, other.id) < 0);
      candidates.splice(farther < 0 ? candidates.length : farther, 0, candidate);
      if (candidates.length <= KEPT_BUCKETS * settings.bucketSize) return;
      const farthest = candidates.findLastIndex(({ state }) => state === "new");
      if (farthest >= 0) candidates.splice(farthest, 1);
    };
    const add = (address: NetAddress.InetAddress, id: NodeId | undefined): void => {
      if (NetAddress.familyOf(address) !== options.family || !isReachable(address)) return;
      if (id !== undefined && sameId(id, options.own)) return;
      const place = placeOf(address);
      if (seen.has(place) || seen.size >= MAX_SEEN) return;
      seen.add(place);
      insert({ id, address, state: "new", token: undefined });
    };

    /** The nearest candidate not asked yet, unless enough nearer ones have answered. */
    const next = (): Candidate | undefined => {
      let nearer = 0;
      for (const candidate of candidates) {
        if (candidate.state === "new") return candidate;
        if (candidate.state === "answered" && ++nearer >= settings.bucketSize) return undefined;
      }
      return undefined;
    };
    const end = (): void => {
      ended = true;
      for (const forget of forgets) forget();
      const closest = candidates
        .flatMap(({ id, address, state, token }) =>
          state === "answered" && id !== undefined ? [{ id, address, token }] : [],
        )
        .slice(0, settings.bucketSize);
      resume(Effect.succeed({ closest, asked, answered }));
    };
    const proceed = (): void => {
      if (ended) return;
      while (underWay < settings.parallel && asked < settings.maxLookupQueries) {
        const candidate = next();
        if (candidate === undefined) break;
        ask(candidate);
      }
      // those that are slow are waited for only where too few others have answered
      if (underWay === 0 && (slow === 0 || answered >= settings.bucketSize)) end();
    };
    const settle = (candidate: Candidate): void => {
      if (candidate.state === "slow") slow--;
      else underWay--;
    };
    const ask = (candidate: Candidate): void => {
      candidate.state = "asked";
      asked++;
      underWay++;
      const forget = options.rpc.ask(candidate.address, options.query, {
        answered: (answer) => {
          forgets.delete(forget);
          settle(candidate);
          answered++;
          const moved = candidate.id !== undefined && !sameId(candidate.id, answer.id);
          candidate.state = moved ? "failed" : "answered";
          candidate.token = answer.token;
          if (candidate.id === undefined) {
            candidates.splice(candidates.indexOf(candidate), 1);
            candidate.id = answer.id;
            insert(candidate);
          }
          const believed = within(candidate.address, answer);
          for (const node of believed.nodes) add(node.address, node.id);
          options.heard?.(believed);
          proceed();
        },
        slow: () => {
          candidate.state = "slow";
          underWay--;
          slow++;
          proceed();
        },
        failed: () => {
          forgets.delete(forget);
          settle(candidate);
          candidate.state = "failed";
          proceed();
        },
      });
      forgets.add(forget);
    };

    for (const { id, address } of options.nodes) add(address, id);
    for (const address of options.addresses) add(address, undefined);
    proceed();
    return Effect.sync(() => {
      ended = true;
      for (const forget of forgets) forget();
    });
  });
