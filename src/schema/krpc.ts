/**
 * KRPC, what DHT nodes say to each other: one bencoded packet per message (BEP 5, with BEP 32, 33, 42, 43). A codec and nothing else: no transactions, no
 * tables. Reading is bounded and never throws; keys that are not known are ignored.
 */
import type * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { BLOOM_LENGTH } from "./bloom.ts";
import { type BencodeDictionary, decode as decodeBencode, encode as encodeBencode, isDictionary } from "./bencode.ts";
import { type Contact, decodeAddress, decodeNodes, encodeAddress, encodeNodes } from "./compactNodes.ts";
import * as Dictionary from "./dictionary.ts";
import { KrpcError, type KrpcReason } from "./errors/KrpcError.ts";
import { NODE_ID_LENGTH, type NodeId } from "./nodeId.ts";

/** Bytes of a packet that are read: nodes send up to about 1,500, the payload of an Ethernet frame. */
export const MAX_PACKET_LENGTH = 8_192;
/** Nesting: arguments of queries that we do not know may go deeper than ours. */
const MAX_PACKET_DEPTH = 16;
const MAX_PACKET_TOKENS = 2_048;
/** Bytes of a transaction that are echoed; BEP 5 has 2. */
const MAX_TRANSACTION = 32;
/** Bytes of a token; 4 to 20 are usual. */
const MAX_TOKEN = 128;
/** Characters of an error's text that are kept. */
const MAX_TEXT = 256;

/** Error codes of BEP 5. */
export const ERROR_CODE = { generic: 201, server: 202, protocol: 203, unknownMethod: 204 } as const;

/** What is asked. `want` names the families whose nodes are asked for; empty: that of the packet (BEP 32). */
export type Query =
  | { readonly _tag: "Ping" }
  | { readonly _tag: "FindNode"; readonly target: NodeId; readonly want: ReadonlyArray<NetAddress.IpFamily> }
  | {
      readonly _tag: "GetPeers";
      readonly infoHash: Uint8Array;
      readonly want: ReadonlyArray<NetAddress.IpFamily>;
      /** Only peers that are no seeds, please (BEP 33). */
      readonly noSeed: boolean;
      /** Filters of all peers as well, please (BEP 33). */
      readonly scrape: boolean;
    }
  | {
      readonly _tag: "AnnouncePeer";
      readonly infoHash: Uint8Array;
      /** Absent: the port that the packet comes from (`implied_port`). */
      readonly port: number | undefined;
      readonly token: Uint8Array;
      readonly seed: boolean;
    };

/** What is answered; lists that are absent are empty. */
export interface Answer {
  readonly id: NodeId;
  /** Of both families. */
  readonly nodes: ReadonlyArray<Contact>;
  readonly peers: ReadonlyArray<NetAddress.InetAddress>;
  readonly token?: Uint8Array | undefined;
  /** Bloom filters of seeds and of other peers (BEP 33), 256 bytes each. */
  readonly seedFilter?: Uint8Array | undefined;
  readonly peerFilter?: Uint8Array | undefined;
}

/** One packet. */
export type Krpc =
  | {
      readonly _tag: "Query";
      readonly transaction: Uint8Array;
      readonly id: NodeId;
      readonly query: Query;
      /** The sender answers nobody and is not to be kept (BEP 43). */
      readonly readOnly: boolean;
    }
  | {
      readonly _tag: "Answer";
      readonly transaction: Uint8Array;
      readonly answer: Answer;
      /** Where our packet came from, as the other side sees it (BEP 42). */
      readonly seenAs?: NetAddress.InetAddress | undefined;
    }
  | { readonly _tag: "Error"; readonly transaction: Uint8Array; readonly code: number; readonly text: string };

const METHOD = { Ping: "ping", FindNode: "find_node", GetPeers: "get_peers", AnnouncePeer: "announce_peer" } as const;
const WANT = { IPv4: "n4", IPv6: "n6" } as const;

const flag = (set: boolean): number | undefined => (set ? 1 : undefined);

const encodeWant = (want: ReadonlyArray<NetAddress.IpFamily>) =>
  want.length === 0 ? undefined : want.map((family) => Dictionary.fromText(WANT[family]));

const encodeArguments = (id: NodeId, query: Query): BencodeDictionary => {
  switch (query._tag) {
    case "Ping":
      return Dictionary.make({ id });
    case "FindNode":
      return Dictionary.make({ id, target: query.target, want: encodeWant(query.want) });
    case "GetPeers":
      return Dictionary.make({
        id,
        info_hash: query.infoHash,
        noseed: flag(query.noSeed),
        scrape: flag(query.scrape),
        want: encodeWant(query.want),
      });
    case "AnnouncePeer":
      return Dictionary.make({
        id,
        implied_port: query.port === undefined ? 1 : 0,
        info_hash: query.infoHash,
        // nodes that do not know implied_port want one
        port: query.port ?? 1,
        seed: flag(query.seed),
        token: query.token,
      });
  }
};

const encodeAnswer = ({ id, nodes, peers, token, seedFilter, peerFilter }: Answer): BencodeDictionary =>
  Dictionary.make({
    BFpe: peerFilter,
    BFsd: seedFilter,
    id,
    nodes: encodeNodes(nodes, "IPv4"),
    nodes6: encodeNodes(nodes, "IPv6"),
    token,
    values: peers.length === 0 ? undefined : peers.map(encodeAddress),
  });

/** The bytes of a message; `version` is our four bytes of BEP 5's `v`. */
export const encodeKrpc = (message: Krpc, version?: Uint8Array): Uint8Array => {
  const common = { t: message.transaction, v: version };
  switch (message._tag) {
    case "Query":
      return encodeBencode(
        Dictionary.make({
          ...common,
          y: Dictionary.fromText("q"),
          q: Dictionary.fromText(METHOD[message.query._tag]),
          a: encodeArguments(message.id, message.query),
          ro: flag(message.readOnly),
        }),
      );
    case "Answer":
      return encodeBencode(
        Dictionary.make({
          ...common,
          y: Dictionary.fromText("r"),
          r: encodeAnswer(message.answer),
          ip: message.seenAs === undefined ? undefined : encodeAddress(message.seenAs),
        }),
      );
    case "Error":
      return encodeBencode(
        Dictionary.make({
          ...common,
          y: Dictionary.fromText("e"),
          e: [message.code, Dictionary.fromText(message.text)],
        }),
      );
  }
};

/** A view of exactly `length` bytes made our own: what is decoded outlives the packet. */
const exactly = (from: BencodeDictionary, key: string, length: number): Uint8Array | undefined => {
  const bytes = Dictionary.bytes(from, key);
  return bytes?.length === length ? bytes.slice() : undefined;
};

const decodePeerList = (from: BencodeDictionary): ReadonlyArray<NetAddress.InetAddress> => {
  const peers: Array<NetAddress.InetAddress> = [];
  for (const value of Dictionary.list(from, "values") ?? []) {
    const peer = value instanceof Uint8Array ? decodeAddress(value) : undefined;
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
};

const decodeWant = (from: BencodeDictionary): ReadonlyArray<NetAddress.IpFamily> => {
  const wanted = (Dictionary.list(from, "want") ?? []).map((value) =>
    value instanceof Uint8Array && value.length === 2 ? Dictionary.toText(value) : "",
  );
  return (["IPv4", "IPv6"] as const).filter((family) => wanted.includes(WANT[family]));
};

const isSet = (from: BencodeDictionary, key: string): boolean => (Dictionary.integer(from, key) ?? 0) !== 0;

/** A short run of bytes made our own. */
const short = (from: BencodeDictionary, key: string, limit: number): Uint8Array | undefined => {
  const bytes = Dictionary.bytes(from, key);
  return bytes === undefined || bytes.length > limit ? undefined : bytes.slice();
};

/** Reads the arguments of a query; the text says what is wrong with them, absent is a method that we do not know. */
const decodeQuery = (method: string, from: BencodeDictionary): Query | string | undefined => {
  const target = exactly(from, "target", NODE_ID_LENGTH);
  const infoHash = exactly(from, "info_hash", NODE_ID_LENGTH);
  const want = decodeWant(from);
  switch (method) {
    case METHOD.Ping:
      return { _tag: "Ping" };
    case METHOD.FindNode:
      return target === undefined ? "no target" : { _tag: "FindNode", target, want };
    case METHOD.GetPeers:
      if (infoHash === undefined) return "no info_hash";
      return { _tag: "GetPeers", infoHash, want, noSeed: isSet(from, "noseed"), scrape: isSet(from, "scrape") };
    case METHOD.AnnouncePeer: {
      const token = short(from, "token", MAX_TOKEN);
      const port = Dictionary.integer(from, "port");
      const implied = isSet(from, "implied_port");
      if (infoHash === undefined) return "no info_hash";
      if (token === undefined) return "no token";
      if (!implied && (port === undefined || port < 1 || port > 65_535)) return "no port";
      return { _tag: "AnnouncePeer", infoHash, token, port: implied ? undefined : port, seed: isSet(from, "seed") };
    }
    default: {
      // what later protocols ask that names a point of the space is answered with nodes near it (BEP 5, forward compatibility)
      const point = target ?? infoHash;
      return point === undefined ? undefined : { _tag: "FindNode", target: point, want };
    }
  }
};

const decodeAnswer = (from: BencodeDictionary): Answer | undefined => {
  const id = exactly(from, "id", NODE_ID_LENGTH);
  if (id === undefined) return undefined;
  return {
    id,
    nodes: [
      ...decodeNodes(Dictionary.bytes(from, "nodes"), "IPv4"),
      ...decodeNodes(Dictionary.bytes(from, "nodes6"), "IPv6"),
    ],
    peers: decodePeerList(from),
    token: short(from, "token", MAX_TOKEN),
    seedFilter: exactly(from, "BFsd", BLOOM_LENGTH),
    peerFilter: exactly(from, "BFpe", BLOOM_LENGTH),
  };
};

const fail = (reason: KrpcReason): Result.Result<never, KrpcError> => Result.fail(new KrpcError({ reason }));
const notKrpc = (what: string) => fail({ _tag: "NotKrpc", what });

/** Reads a packet. All that is handed out is copied: the packet may be reused. Never throws. */
export const decodeKrpc = (packet: Uint8Array): Result.Result<Krpc, KrpcError> => {
  const decoded = decodeBencode(packet, {
    maxLength: MAX_PACKET_LENGTH,
    maxDepth: MAX_PACKET_DEPTH,
    maxTokens: MAX_PACKET_TOKENS,
  });
  if (Result.isFailure(decoded)) return fail({ _tag: "NotBencoded", error: decoded.failure });
  const from = decoded.success;
  if (!isDictionary(from)) return notKrpc("no dictionary");
  const transaction = short(from, "t", MAX_TRANSACTION);
  if (transaction === undefined) return notKrpc("no transaction");
  switch (Dictionary.text(from, "y")) {
    case "q": {
      const method = Dictionary.text(from, "q")?.slice(0, MAX_TEXT) ?? "";
      const given = Dictionary.dictionary(from, "a");
      const id = given === undefined ? undefined : exactly(given, "id", NODE_ID_LENGTH);
      if (given === undefined || id === undefined) return fail({ _tag: "BadQuery", what: "no id", transaction });
      const query = decodeQuery(method, given);
      if (query === undefined) return fail({ _tag: "UnknownQuery", method, transaction });
      if (typeof query === "string") return fail({ _tag: "BadQuery", what: query, transaction });
      return Result.succeed({ _tag: "Query", transaction, id, query, readOnly: isSet(from, "ro") });
    }
    case "r": {
      const given = Dictionary.dictionary(from, "r");
      const answer = given === undefined ? undefined : decodeAnswer(given);
      if (answer === undefined) return notKrpc("an answer without an id");
      const seenAs = Dictionary.bytes(from, "ip");
      return Result.succeed({
        _tag: "Answer",
        transaction,
        answer,
        seenAs: seenAs === undefined ? undefined : decodeAddress(seenAs),
      });
    }
    case "e": {
      const [code, text] = Dictionary.list(from, "e") ?? [];
      return Result.succeed({
        _tag: "Error",
        transaction,
        code: typeof code === "number" ? code : ERROR_CODE.generic,
        text: text instanceof Uint8Array ? Dictionary.toText(text.subarray(0, MAX_TEXT)) : "",
      });
    }
    default:
      return notKrpc("neither query, answer nor error");
  }
};
