/**
 * The messages by which peers behind NATs are brought together (BEP 55): one that both know is asked, and tells both to dial at the same time.
 * Who is asked, and whether one does as told, is decided elsewhere.
 */
import * as NetAddress from "effect/net/NetAddress";
import type * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { WireViolation } from "./errors/PeerError.ts";

/** Why a relay could not help (BEP 55): no such peer, not connected to it, it does not understand, or it is the asker itself. */
export type HolepunchError = "NoSuchPeer" | "NotConnected" | "NoSupport" | "NoSelf";

/** A message; `address` is the peer that it is about. An error whose code is not known has none. */
export type HolepunchMessage =
  | { readonly _tag: "Rendezvous"; readonly address: NetAddress.InetAddress }
  | { readonly _tag: "Connect"; readonly address: NetAddress.InetAddress }
  | { readonly _tag: "Error"; readonly address: NetAddress.InetAddress; readonly error: HolepunchError | undefined };

const TYPES = ["Rendezvous", "Connect", "Error"] as const;
const ERRORS: ReadonlyArray<HolepunchError> = ["NoSuchPeer", "NotConnected", "NoSupport", "NoSelf"];

/** Type and kind of address, port, error code. */
const HEAD = 2;
const PORT = 2;
const CODE = 4;

/** The payload of a message. */
export const encodeUtHolepunch = (message: HolepunchMessage): Uint8Array => {
  const ip = message.address.address;
  const octets = NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip);
  const bytes = new Uint8Array(HEAD + octets.length + PORT + CODE);
  bytes[0] = TYPES.indexOf(message._tag);
  bytes[1] = octets.length === 4 ? 0 : 1;
  bytes.set(octets, HEAD);
  const view = new DataView(bytes.buffer);
  view.setUint16(HEAD + octets.length, message.address.port);
  if (message._tag === "Error" && message.error !== undefined)
    view.setUint32(HEAD + octets.length + PORT, ERRORS.indexOf(message.error) + 1);
  return bytes;
};

const refuse = (why: string): Result.Result<never, WireViolation> =>
  Result.fail({ _tag: "BadExtension", name: "ut_holepunch", why });

/** Reads a payload; none for a type of message that is not known. The error code may be missing, as some leave it out where there is none. */
export const decodeUtHolepunch = (
  payload: Uint8Array,
): Result.Result<Option.Option<HolepunchMessage>, WireViolation> => {
  const kind = payload[1];
  if (kind !== 0 && kind !== 1) return refuse("no kind of address");
  const length = kind === 0 ? 4 : 16;
  const portAt = HEAD + length;
  if (payload.length !== portAt + PORT && payload.length !== portAt + PORT + CODE)
    return refuse(`${payload.length} bytes`);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const octets = payload.subarray(HEAD, portAt);
  const ip = kind === 0 ? NetAddress.ipv4FromBytesUnsafe(octets) : NetAddress.ipv6FromBytesUnsafe(octets);
  const address = NetAddress.toCanonical(NetAddress.inetAddressUnsafe(ip, view.getUint16(portAt)));
  const _tag = TYPES[payload[0] ?? TYPES.length];
  if (_tag === undefined) return Result.succeedNone;
  if (_tag !== "Error") return Result.succeedSome({ _tag, address });
  const code = payload.length > portAt + PORT ? view.getUint32(portAt + PORT) : 0;
  return Result.succeedSome({ _tag, address, error: ERRORS[code - 1] });
};
