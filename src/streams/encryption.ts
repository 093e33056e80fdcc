/**
 * Whether connections of one download are encrypted (MSE/PE): by which ways a peer is dialled, what is taken from those who dial us, and what
 * was learned of single peers. How encryption works is in services/Transport/mse.ts.
 *
 * State: a bounded map of what is known of peers, in this closure.
 */
import type * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import { SecureRandom } from "effect/crypto/SecureRandom";
import { isSame } from "../schema/bytes.ts";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { TransportError } from "../schema/errors/TransportError.ts";
import type { ExtensionHandshake } from "../schema/extension.ts";
import { PROTOCOL } from "../schema/handshake.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import type { CryptoMethod } from "../schema/mse.ts";
import { PexFlag } from "../schema/utPex.ts";
import { Hasher } from "../services/Hasher.ts";
import { initiate, respond } from "../services/Transport/mse.ts";
import { withPrefix } from "../services/Transport/prefixed.ts";
import type { Connection } from "../services/Transport/Transport.ts";
import type { Candidate } from "./addressBook.ts";

/** Peers of which something is remembered. */
const MAX_REMEMBERED = 3_000;

/** What the user wants of encryption. */
export type EncryptionPolicy = "allow" | "prefer" | "require" | "off";

/** How we begin a connection. */
export type Way = "plain" | "encrypted";

/** Ways to dial one peer, best first. */
type Ways = Arr.NonEmptyReadonlyArray<Way>;

const ENCRYPTED_FIRST: Ways = ["encrypted", "plain"];

/** Why a connection did not come about. */
export type Failure = PeerReason | TransportError;

/** What a policy means. */
interface Rules {
  /** Ways to dial a peer that nothing is known of, best first; the second only for those that did not understand the first. */
  readonly ways: Ways;
  /** What we offer when we dial encrypted. */
  readonly offered: ReadonlyArray<CryptoMethod>;
  /** What we take from encrypted diallers, best first; none: no encryption at all. */
  readonly taken: ReadonlyArray<CryptoMethod>;
  /** Whether diallers without encryption are welcome. */
  readonly plain: boolean;
  /** Whether we ask peers to encrypt. */
  readonly asks: boolean;
}

const RULES: Readonly<Record<EncryptionPolicy, Rules>> = {
  allow: { ways: ["plain", "encrypted"], offered: ["plain", "rc4"], taken: ["plain", "rc4"], plain: true, asks: false },
  prefer: { ways: ["encrypted", "plain"], offered: ["rc4"], taken: ["rc4", "plain"], plain: true, asks: true },
  require: { ways: ["encrypted"], offered: ["rc4"], taken: ["rc4"], plain: false, asks: true },
  off: { ways: ["plain"], offered: [], taken: [], plain: true, asks: false },
};

/** What both sides of a conversation want of encryption (BEP 10, `e`). */
export interface EncryptionWishes {
  /** We ask for it. */
  readonly asks: boolean;
  /** An extension handshake of the peer: where it asks, it is dialled encrypted from now on. */
  readonly greeted: (theirs: Pick<ExtensionHandshake, "encryption" | "port">) => void;
}

/** The encryption of one download. */
export interface Encryption {
  /** What extension handshakes say of it on a connection. */
  readonly towards: (connection: Pick<Connection, "remote" | "direction">) => EncryptionWishes;
  /** By which ways to dial a peer, best first; the next only if it does not understand one. */
  readonly inOrder: (candidate: Pick<Candidate, "address" | "pex">) => Ways;
  /** The peer was reached by this way, which comes first from now on. */
  readonly understood: (candidate: Pick<Candidate, "address" | "pex">, way: Way) => void;
  /** Begins on a connection that we opened for the torrent called `infoHash`, and says `greeting` on it, in the handshake of the encryption where there is one. */
  readonly greet: (
    connection: Connection,
    way: Way,
    said: { readonly infoHash: InfoHash; readonly greeting: Uint8Array },
  ) => Effect.Effect<Connection, Failure>;
  /** Takes up a connection that was opened to us, however it begins. */
  readonly welcome: (connection: Connection) => Effect.Effect<Connection, Failure>;
}

/** Encryption by `policy` for a torrent of any of these names, with nothing known of any peer. */
export const makeEncryption = Effect.fnUntraced(function* (
  policy: EncryptionPolicy,
  names: () => ReadonlyArray<InfoHash>,
): Effect.fn.Return<Encryption, never, Hasher | SecureRandom> {
  const { sha1 } = yield* Hasher;
  const random = yield* SecureRandom;
  const { ways, offered, taken, plain, asks } = RULES[policy];
  const known = new Map<string, Ways>();

  const keyOf = (address: NetAddress.InetAddress): string => NetAddress.formatInet(NetAddress.toCanonical(address));
  const remember = (address: NetAddress.InetAddress, order: Ways): void => {
    if (ways.length < 2) return;
    known.delete(keyOf(address));
    known.set(keyOf(address), order);
    const [oldest] = known.keys();
    if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
  };
  const inOrder: Encryption["inOrder"] = ({ address, pex }) => {
    const wanted = pex !== undefined && (pex.flags & PexFlag.prefersEncryption) !== 0;
    return known.get(keyOf(address)) ?? (wanted && ways.length > 1 ? ENCRYPTED_FIRST : ways);
  };

  return {
    towards: ({ remote, direction }) => ({
      asks,
      greeted: (theirs) => {
        const port = theirs.port ?? (direction === "outgoing" ? remote.port : undefined);
        if (theirs.encryption !== true || port === undefined) return;
        remember(NetAddress.inetAddressUnsafe(remote.address, port), ENCRYPTED_FIRST);
      },
    }),
    inOrder,
    understood: (candidate, way) => {
      const [first] = inOrder(candidate);
      if (way !== first) remember(candidate.address, [way, first]);
    },
    greet: (connection, way, { greeting, infoHash }) => {
      if (way === "encrypted")
        return Effect.map(
          initiate(connection, { sha1, random, infoHash, offered, initial: greeting }),
          (secured) => secured.connection,
        );
      return Effect.sync(() => {
        connection.sendUnsafe(greeting);
        return connection;
      });
    },
    welcome: Effect.fnUntraced(function* (connection) {
      const head = yield* connection.read(PROTOCOL.length);
      const whole = withPrefix(connection, head);
      if (isSame(head, PROTOCOL)) return plain ? whole : yield* Effect.fail<PeerReason>({ _tag: "NotEncrypted" });
      if (taken.length === 0) return yield* Effect.fail<PeerReason>({ _tag: "NotBitTorrent" });
      const secured = yield* respond(whole, { sha1, random, known: names(), preferred: taken });
      return secured.connection;
    }),
  };
});
