/** The packets of UDP trackers (BEP 15) and the options after an announce (BEP 41), both ways. Pure; retries and sockets are `services/Tracker/udp.ts`. */
import * as NetAddress from "effect/net/NetAddress";
import { decodePeers, decodePeers6, encodePeers, encodePeers6 } from "./compactPeers.ts";
import * as InfoHash from "./infoHash.ts";
import * as Option from "effect/Option";
import { humanText, isDialable, MAX_PEERS, type AnnounceRequest, type AnnounceResponse } from "./tracker.ts";

/** The constant that opens a connect request. */
const PROTOCOL_ID = 0x0000_0417_2710_1980n;

/** The first word of a packet. */
const ACTION = { connect: 0, announce: 1, error: 3 } as const;

const EVENTS: ReadonlyArray<AnnounceRequest["event"]> = ["none", "completed", "started", "stopped"];

/** Bytes of path and query that are sent as URLData, so that the packet stays below any path's MTU (RFC 8200: 1280). */
export const MAX_URL_DATA = 1024;

const CONNECT_LENGTH = 16;
const ANNOUNCE_LENGTH = 98;
const ANSWER_HEAD = 20;
const OPTION = { end: 0, nop: 1, urlData: 2 } as const;
/** Bytes that one option can hold (its length is one byte). */
const MAX_OPTION = 255;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where a UDP tracker is. */
export interface UdpTarget {
  /** A name or an IP literal, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query as in the URL; empty when it has none. */
  readonly urlData: string;
}

/** Takes a udp URL apart; undefined when it is none or names no port (BEP 15 has no default one). */
export const udpTarget = (url: string): UdpTarget | undefined => {
  const parts = /^udp:\/\/(?:[^/?#@]*@)?(?:\[([0-9a-f:.]+)\]|([^/?#:@[\]\s]+)):(\d{1,5})([/?][^#]*)?(?:#.*)?$/is.exec(
    url,
  );
  if (parts === null) return undefined;
  const [, literal, name, digits, urlData = ""] = parts;
  const hostname = literal ?? name;
  const port = Number(digits);
  return hostname === undefined || port === 0 || port > 65_535 ? undefined : { hostname, port, urlData };
};

/** A connect request. */
export const encodeConnect = (transactionId: number): Uint8Array => {
  const bytes = new Uint8Array(CONNECT_LENGTH);
  const data = view(bytes);
  data.setBigUint64(0, PROTOCOL_ID);
  data.setUint32(8, ACTION.connect);
  data.setUint32(12, transactionId);
  return bytes;
};

/** The options that carry `urlData` (BEP 41); none when it is empty or longer than `MAX_URL_DATA`. */
const encodeOptions = (urlData: string): Uint8Array => {
  const data = encoder.encode(urlData);
  if (data.length === 0 || data.length > MAX_URL_DATA) return new Uint8Array(0);
  const chunks = Math.ceil(data.length / MAX_OPTION);
  const bytes = new Uint8Array(data.length + chunks * 2);
  for (let chunk = 0, at = 0; chunk < chunks; chunk++) {
    const part = data.subarray(chunk * MAX_OPTION, (chunk + 1) * MAX_OPTION);
    bytes[at] = OPTION.urlData;
    bytes[at + 1] = part.length;
    bytes.set(part, at + 2);
    at += 2 + part.length;
  }
  return bytes;
};

/** What is beside the announce itself in its packet. */
export interface AnnounceEnvelope {
  readonly connectionId: bigint;
  readonly transactionId: number;
  /** Path and query of the tracker's URL (BEP 41); may be empty. */
  readonly urlData: string;
}

/** An announce request. */
export const encodeAnnounce = (envelope: AnnounceEnvelope, request: AnnounceRequest): Uint8Array => {
  const options = encodeOptions(envelope.urlData);
  const bytes = new Uint8Array(ANNOUNCE_LENGTH + options.length);
  const data = view(bytes);
  data.setBigUint64(0, envelope.connectionId);
  data.setUint32(8, ACTION.announce);
  data.setUint32(12, envelope.transactionId);
  bytes.set(request.infoHash.bytes, 16);
  bytes.set(request.peerId.subarray(0, 20), 36);
  data.setBigUint64(56, BigInt(request.downloaded));
  data.setBigUint64(64, BigInt(request.left));
  data.setBigUint64(72, BigInt(request.uploaded));
  data.setUint32(80, EVENTS.indexOf(request.event));
  data.setUint32(88, request.key);
  data.setInt32(92, request.numwant);
  data.setUint16(96, request.port);
  bytes.set(options, ANNOUNCE_LENGTH);
  return bytes;
};

/** What a tracker sends. */
export type UdpAnswer =
  | { readonly _tag: "Connected"; readonly transactionId: number; readonly connectionId: bigint }
  | { readonly _tag: "Announced"; readonly transactionId: number; readonly response: AnnounceResponse }
  | { readonly _tag: "Error"; readonly transactionId: number; readonly text: string };

/** The transaction that an answer belongs to; undefined for bytes that are no answer. */
export const transactionOf = (bytes: Uint8Array): number | undefined =>
  bytes.length < 8 ? undefined : view(bytes).getUint32(4);

/** Reads an answer; `family` is that of the address it came from and decides how long a peer is. Keeps no view of `bytes`. */
export const decodeAnswer = (bytes: Uint8Array, family: NetAddress.IpFamily): UdpAnswer | undefined => {
  const transactionId = transactionOf(bytes);
  if (transactionId === undefined) return undefined;
  const data = view(bytes);
  switch (data.getUint32(0)) {
    case ACTION.connect:
      return bytes.length < CONNECT_LENGTH
        ? undefined
        : { _tag: "Connected", transactionId, connectionId: data.getBigUint64(8) };
    case ACTION.announce: {
      if (bytes.length < ANSWER_HEAD) return undefined;
      const compact = bytes.subarray(ANSWER_HEAD);
      const peers =
        family === "IPv4"
          ? decodePeers(compact.subarray(0, MAX_PEERS * 6))
          : decodePeers6(compact.subarray(0, MAX_PEERS * 18));
      const response: AnnounceResponse = {
        peers: peers.filter(isDialable),
        interval: data.getUint32(8),
        leechers: data.getUint32(12),
        seeders: data.getUint32(16),
      };
      return { _tag: "Announced", transactionId, response };
    }
    case ACTION.error:
      return { _tag: "Error", transactionId, text: humanText(bytes.subarray(8)) };
    default:
      return undefined;
  }
};

/** The packet of an answer, as a tracker sends it to a client of the family. */
export const encodeAnswer = (answer: UdpAnswer, family: NetAddress.IpFamily): Uint8Array => {
  switch (answer._tag) {
    case "Connected": {
      const bytes = new Uint8Array(CONNECT_LENGTH);
      const data = view(bytes);
      data.setUint32(0, ACTION.connect);
      data.setUint32(4, answer.transactionId);
      data.setBigUint64(8, answer.connectionId);
      return bytes;
    }
    case "Announced": {
      const { peers, interval, leechers = 0, seeders = 0 } = answer.response;
      const compact =
        family === "IPv4"
          ? encodePeers(peers.filter(NetAddress.isInetAddressV4))
          : encodePeers6(peers.filter(NetAddress.isInetAddressV6));
      const bytes = new Uint8Array(ANSWER_HEAD + compact.length);
      const data = view(bytes);
      data.setUint32(0, ACTION.announce);
      data.setUint32(4, answer.transactionId);
      data.setUint32(8, interval);
      data.setUint32(12, leechers);
      data.setUint32(16, seeders);
      bytes.set(compact, ANSWER_HEAD);
      return bytes;
    }
    case "Error": {
      const text = encoder.encode(answer.text);
      const bytes = new Uint8Array(8 + text.length);
      const data = view(bytes);
      data.setUint32(0, ACTION.error);
      data.setUint32(4, answer.transactionId);
      bytes.set(text, 8);
      return bytes;
    }
  }
};

/** What a client sends. */
export type UdpRequest =
  | { readonly _tag: "Connect"; readonly transactionId: number }
  | ({ readonly _tag: "Announce"; readonly request: AnnounceRequest } & AnnounceEnvelope);

/** Joins the URLData of the options from `at` on (BEP 41); ends at the first option that is cut off. */
const decodeOptions = (bytes: Uint8Array, start: number): string => {
  const data: Array<number> = [];
  let at = start;
  while (at < bytes.length && bytes[at] !== OPTION.end) {
    if (bytes[at] === OPTION.nop) {
      at++;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) break;
    if (bytes[at] === OPTION.urlData) data.push(...bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return decoder.decode(Uint8Array.from(data));
};

/** Reads a request, as a tracker does; undefined for bytes that are none. Keeps no view of `bytes`. */
export const decodeRequest = (bytes: Uint8Array): UdpRequest | undefined => {
  if (bytes.length < CONNECT_LENGTH) return undefined;
  const data = view(bytes);
  const action = data.getUint32(8);
  const transactionId = data.getUint32(12);
  if (action === ACTION.connect) {
    return data.getBigUint64(0) === PROTOCOL_ID ? { _tag: "Connect", transactionId } : undefined;
  }
  if (action !== ACTION.announce || bytes.length < ANNOUNCE_LENGTH) return undefined;
  const infoHash = InfoHash.fromBytes(bytes.subarray(16, 36));
  const event = EVENTS[data.getUint32(80)];
  if (Option.isNone(infoHash) || event === undefined) return undefined;
  return {
    _tag: "Announce",
    connectionId: data.getBigUint64(0),
    transactionId,
    urlData: decodeOptions(bytes, ANNOUNCE_LENGTH),
    request: {
      infoHash: infoHash.value,
      peerId: bytes.slice(36, 56),
      downloaded: Number(data.getBigUint64(56)),
      left: Number(data.getBigUint64(64)),
      uploaded: Number(data.getBigUint64(72)),
      event,
      key: data.getUint32(88),
      numwant: data.getInt32(92),
      port: data.getUint16(96),
    },
  };
};
