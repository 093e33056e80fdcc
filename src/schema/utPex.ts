/**
 * Peer exchange (BEP 11): the messages by which peers tell each other whom they are connected to. What of it is believed, and when it is
 * said, is decided elsewhere.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import * as Bencode from "./bencode.ts";
import { decodePeers, decodePeers6, encodePeers, encodePeers6 } from "./compactPeers.ts";
import * as Dictionary from "./dictionary.ts";
import type { WireViolation } from "./errors/PeerError.ts";

/** Addresses taken of each of a message's lists; the rest is ignored (BEP 11: 50, the first message may hold more). */
export const MAX_PEX_PEERS = 100;
const LIMITS: Bencode.DecodeOptions = { maxLength: 128 * 1024, maxDepth: 8, maxTokens: 256 };

/** What is said of a peer beside its address; bits outside of these are dropped. */
export const PexFlag = {
  prefersEncryption: 0x01,
  /** It downloads nothing. */
  seed: 0x02,
  utp: 0x04,
  /** It can be reached through the sender (BEP 55). */
  holepunch: 0x08,
  /** The sender dialled it. */
  reachable: 0x10,
} as const;
const ALL_FLAGS = Object.values(PexFlag).reduce((all, flag) => all | flag, 0);

/** A peer as others tell of it. */
export interface PexPeer {
  readonly address: NetAddress.InetAddress;
  /** Bits of `PexFlag`. */
  readonly flags: number;
}

/** Who is connected to the sender now and was not before, and the other way round. */
export interface PexMessage {
  readonly added: ReadonlyArray<PexPeer>;
  readonly dropped: ReadonlyArray<NetAddress.InetAddress>;
}

const flagsOf = (peers: ReadonlyArray<PexPeer>): Uint8Array => Uint8Array.from(peers, ({ flags }) => flags);

/** The payload of a message. */
export const encodeUtPex = ({ added, dropped }: PexMessage): Uint8Array => {
  const v6 = added.filter(({ address }) => NetAddress.isInetAddressV6(address));
  const v4 = added.filter(({ address }) => NetAddress.isInetAddressV4(address));
  return Bencode.encode(
    Dictionary.make({
      added: encodePeers(v4.map(({ address }) => address).filter(NetAddress.isInetAddressV4)),
      "added.f": flagsOf(v4),
      added6: encodePeers6(v6.map(({ address }) => address).filter(NetAddress.isInetAddressV6)),
      "added6.f": flagsOf(v6),
      dropped: encodePeers(dropped.filter(NetAddress.isInetAddressV4)),
      dropped6: encodePeers6(dropped.filter(NetAddress.isInetAddressV6)),
    }),
  );
};

const NOTHING = new Uint8Array(0);

/** Reads a payload: at most `MAX_PEX_PEERS` of each list and family. What is absent or of the wrong kind counts as empty. */
export const decodeUtPex = (payload: Uint8Array): Result.Result<PexMessage, WireViolation> => {
  const refuse = (why: string) => Result.fail<WireViolation>({ _tag: "BadExtension", name: "ut_pex", why });
  const decoded = Bencode.decodePrefix(payload, LIMITS);
  if (Result.isFailure(decoded)) return refuse(decoded.failure.message);
  const from = decoded.success.value;
  if (!Bencode.isDictionary(from)) return refuse("not a dictionary");

  const list = (key: string): ReadonlyArray<NetAddress.InetAddress> => {
    const v6 = key.endsWith("6");
    const bytes = (Dictionary.bytes(from, key) ?? NOTHING).subarray(0, MAX_PEX_PEERS * (v6 ? 18 : 6));
    return v6 ? decodePeers6(bytes) : decodePeers(bytes);
  };
  const withFlags = (key: string): ReadonlyArray<PexPeer> => {
    const flags = Dictionary.bytes(from, `${key}.f`) ?? NOTHING;
    return list(key).map((address, index) => ({ address, flags: (flags[index] ?? 0) & ALL_FLAGS }));
  };
  return Result.succeed({
    added: [...withFlags("added"), ...withFlags("added6")],
    dropped: [...list("dropped"), ...list("dropped6")],
  });
};
