/**
 * The handshake of the extension protocol (BEP 10), extended message 0: what each side calls itself, can do, and the ids by which it
 * wants to be sent what it can do. Later ones add to earlier ones; keeping count of that is not done here.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import * as Bencode from "./bencode.ts";
import * as Dictionary from "./dictionary.ts";
import type { WireViolation } from "./errors/PeerError.ts";
import { printable } from "./peerId.ts";

/** Bytes of a handshake that are taken; honest ones have about 300. */
export const MAX_EXTENSION_HANDSHAKE = 16_384;
/** Extensions of one peer that are remembered. */
const MAX_MESSAGES = 64;
/** Characters of an extension's name. */
const MAX_NAME_LENGTH = 64;
const LIMITS: Bencode.DecodeOptions = { maxLength: MAX_EXTENSION_HANDSHAKE, maxDepth: 8, maxTokens: 1024 };

/** What one side says of itself; everything may be left out. */
export interface ExtensionHandshake {
  /** `m`: by which id (1 to 255) the sender wants to be sent an extension's messages; 0: no longer. */
  readonly messages: ReadonlyMap<string, number>;
  /** `p`: where the sender listens (TCP). */
  readonly port?: number;
  /** `v`: for display, already cleaned of what would disturb a terminal. */
  readonly client?: string;
  /** `yourip`: how the sender sees the receiver. */
  readonly yourIp?: NetAddress.IpAddress;
  /** `ipv4`, `ipv6`: where else the sender can be reached. */
  readonly ipv4?: NetAddress.Ipv4Address;
  readonly ipv6?: NetAddress.Ipv6Address;
  /** Requests that may wait with the sender. */
  readonly reqq?: number;
  /** Bytes of the info dictionary, above 0 (BEP 9). */
  readonly metadataSize?: number;
  /** Downloads nothing (BEP 21). */
  readonly uploadOnly?: boolean;
  /** `e`: prefers encrypted connections. */
  readonly encryption?: boolean;
  /** Seconds since the sender completed the torrent. */
  readonly completeAgo?: number;
}

const octets = (address: NetAddress.IpAddress | undefined): Uint8Array | undefined => {
  if (address === undefined) return undefined;
  return Uint8Array.from(
    NetAddress.isIpv4Address(address) ? NetAddress.ipv4ToOctets(address) : NetAddress.ipv6ToOctets(address),
  );
};

const flag = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : Number(value));

const key = (name: string): string => Bencode.keyFromBytes(Dictionary.fromText(name));

/** The payload of an extension handshake. */
export const encodeExtensionHandshake = (handshake: ExtensionHandshake): Uint8Array =>
  Bencode.encode(
    Dictionary.make({
      complete_ago: handshake.completeAgo,
      e: flag(handshake.encryption),
      ipv4: octets(handshake.ipv4),
      ipv6: octets(handshake.ipv6),
      m: new Map(Array.from(handshake.messages, ([name, id]) => [key(name), id])),
      metadata_size: handshake.metadataSize,
      p: handshake.port,
      reqq: handshake.reqq,
      upload_only: flag(handshake.uploadOnly),
      v: handshake.client === undefined ? undefined : Dictionary.fromText(handshake.client),
      yourip: octets(handshake.yourIp),
    }),
  );

const decodeMessages = (from: Bencode.BencodeDictionary | undefined): ReadonlyMap<string, number> => {
  const messages = new Map<string, number>();
  for (const [key, id] of from ?? []) {
    if (messages.size === MAX_MESSAGES) break;
    if (key.length > MAX_NAME_LENGTH || typeof id !== "number" || id < 0 || id > 255) continue;
    messages.set(Dictionary.toText(Bencode.keyToBytes(key)), id);
  }
  return messages;
};

const ip = (bytes: Uint8Array | undefined): NetAddress.IpAddress | undefined => {
  if (bytes?.length === 4) return NetAddress.ipv4FromBytesUnsafe(bytes);
  return bytes?.length === 16 ? NetAddress.ipv6FromBytesUnsafe(bytes) : undefined;
};

/** Reads a payload. Unknown keys, and values that are of the wrong kind or out of range, count as absent. */
export const decodeExtensionHandshake = (payload: Uint8Array): Result.Result<ExtensionHandshake, WireViolation> => {
  const refuse = (why: string) =>
    Result.fail<WireViolation>({ _tag: "BadExtension", name: "extension handshake", why });
  const decoded = Bencode.decodePrefix(payload, LIMITS);
  if (Result.isFailure(decoded)) return refuse(decoded.failure.message);
  const from = decoded.success.value;
  if (!Bencode.isDictionary(from)) return refuse("not a dictionary");

  const within = (key: string, min: number, max: number): number | undefined => {
    const value = Dictionary.integer(from, key);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  };
  const port = within("p", 1, 65_535);
  const client = printable(Dictionary.text(from, "v") ?? "");
  const yourIp = ip(Dictionary.bytes(from, "yourip"));
  const ipv4 = ip(Dictionary.bytes(from, "ipv4"));
  const ipv6 = ip(Dictionary.bytes(from, "ipv6"));
  const reqq = within("reqq", 0, Number.MAX_SAFE_INTEGER);
  const metadataSize = within("metadata_size", 1, Number.MAX_SAFE_INTEGER);
  const uploadOnly = Dictionary.integer(from, "upload_only");
  const encryption = Dictionary.integer(from, "e");
  const completeAgo = within("complete_ago", 0, Number.MAX_SAFE_INTEGER);
  return Result.succeed({
    messages: decodeMessages(Dictionary.dictionary(from, "m")),
    ...(port !== undefined && { port }),
    ...(client !== "" && { client }),
    ...(yourIp !== undefined && { yourIp }),
    ...(ipv4 !== undefined && NetAddress.isIpv4Address(ipv4) && { ipv4 }),
    ...(ipv6 !== undefined && NetAddress.isIpv6Address(ipv6) && { ipv6 }),
    ...(reqq !== undefined && { reqq }),
    ...(metadataSize !== undefined && { metadataSize }),
    ...(uploadOnly !== undefined && { uploadOnly: uploadOnly !== 0 }),
    ...(encryption !== undefined && { encryption: encryption !== 0 }),
    ...(completeAgo !== undefined && { completeAgo }),
  });
};
