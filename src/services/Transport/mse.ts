/**
 * The handshake of encrypted connections (MSE/PE) from both sides: takes an open connection and gives the one that is spoken on. It
 * retries nothing and has no time limit of its own; the caller has both. Every read is of a bounded length.
 */
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type { MseViolation } from "../../schema/errors/PeerError.ts";
import type { TransportError } from "../../schema/errors/TransportError.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import { concat, isSame } from "../../schema/bytes.ts";
import * as Mse from "../../schema/mse.ts";
import { ciphered } from "./ciphered.ts";
import { withPrefix } from "./prefixed.ts";
import type { Connection } from "./Transport.ts";

/** What the handshake is made of besides the connection. */
export interface Ingredients {
  readonly sha1: Mse.Sha1;
  readonly random: SecureRandom["Service"];
}

/** A connection after the handshake. */
export interface Secured {
  readonly connection: Connection;
  readonly method: Mse.CryptoMethod;
}

type Failure = MseViolation | TransportError;

const violation = (why: string): Effect.Effect<never, MseViolation> => Effect.fail(Mse.mseViolation(why));

const padOf = (random: SecureRandom["Service"]): Effect.Effect<Uint8Array> =>
  Effect.flatMap(random.intBetween(0, Mse.MAX_PAD), random.randomBytes);

/** Reads up to and including `mark`, before which there may be a pad. */
const readPast = Effect.fnUntraced(function* (
  connection: Connection,
  mark: Uint8Array,
): Effect.fn.Return<void, Failure> {
  let window = yield* connection.read(mark.length);
  for (let skipped = 0; !isSame(window, mark); skipped++) {
    if (skipped === Mse.MAX_PAD) return yield* violation(`nothing known within ${Mse.MAX_PAD} bytes`);
    window = concat([window.subarray(1), yield* connection.read(1)]);
  }
});

/** Exchanges public keys; the side that was dialled waits for the other's first, so that it answers nothing but a key. */
const exchangeKeys = Effect.fnUntraced(function* (
  connection: Connection,
  random: SecureRandom["Service"],
): Effect.fn.Return<Uint8Array, Failure> {
  const privateKey = yield* random.randomBytes(Mse.PRIVATE_KEY_LENGTH);
  const ours = concat([Mse.publicKey(privateKey), yield* padOf(random)]);
  if (connection.direction === "outgoing") connection.sendUnsafe(ours);
  const secret = Mse.sharedSecret(privateKey, yield* connection.read(Mse.PUBLIC_KEY_LENGTH));
  if (Result.isFailure(secret)) return yield* Effect.fail(secret.failure);
  if (connection.direction === "incoming") connection.sendUnsafe(ours);
  return secret.success;
});

/** Reads the methods that are offered or chosen, and the pad behind them. */
const readMethods = Effect.fnUntraced(function* (
  deciphered: Connection,
): Effect.fn.Return<ReadonlyArray<Mse.CryptoMethod>, Failure> {
  const head = Mse.decodeHead(yield* deciphered.read(Mse.HEAD_LENGTH));
  if (Result.isFailure(head)) return yield* Effect.fail(head.failure);
  yield* deciphered.read(head.success.padLength);
  return head.success.methods;
});

/** The side that dialled. `initial` is said along with the last message of ours: the handshake of what is spoken inside, which so costs no round trip. */
export const initiate = Effect.fnUntraced(function* (
  connection: Connection,
  options: Ingredients & {
    readonly infoHash: InfoHash;
    readonly offered: ReadonlyArray<Mse.CryptoMethod>;
    readonly initial: Uint8Array;
  },
): Effect.fn.Return<Secured, Failure> {
  const { sha1, random, infoHash } = options;
  const secret = yield* exchangeKeys(connection, random);
  const { a, b } = Mse.streamsOf(sha1, secret, infoHash);
  const inside = ciphered(connection, { incoming: b, outgoing: a });
  connection.sendUnsafe(concat([Mse.markOf(sha1, secret), Mse.veiled(sha1, secret, infoHash)]));
  inside.sendUnsafe(Mse.encodeOffer(options.offered, yield* padOf(random), options.initial));

  // The zeros are looked for as they look enciphered, which moves the stream past them once.
  const zeros = new Uint8Array(Mse.VC_LENGTH);
  b.apply(zeros, zeros);
  yield* readPast(connection, zeros);
  const [method, ...more] = yield* readMethods(inside);
  if (method === undefined || more.length > 0 || !options.offered.includes(method))
    return yield* violation("a method that was not offered");
  return { connection: method === "rc4" ? inside : connection, method };
});

/** The side that was dialled. `preferred` are the methods that it takes, best first. */
export const respond = Effect.fnUntraced(function* (
  connection: Connection,
  options: Ingredients & {
    readonly known: ReadonlyArray<InfoHash>;
    readonly preferred: ReadonlyArray<Mse.CryptoMethod>;
  },
): Effect.fn.Return<Secured, Failure> {
  const { sha1, random } = options;
  const secret = yield* exchangeKeys(connection, random);
  yield* readPast(connection, Mse.markOf(sha1, secret));
  const infoHash = Mse.unveil(sha1, secret, yield* connection.read(Mse.MSE_HASH_LENGTH), options.known);
  if (infoHash === undefined) return yield* violation("a torrent that we do not have");

  const { a, b } = Mse.streamsOf(sha1, secret, infoHash);
  const inside = ciphered(connection, { incoming: a, outgoing: b });
  if ((yield* inside.read(Mse.VC_LENGTH)).some((byte) => byte !== 0))
    return yield* violation("no zeros where they belong");
  const offered = yield* readMethods(inside);
  const [high = 0, low = 0] = yield* inside.read(2);
  const initial = yield* inside.read((high << 8) | low);
  const method = options.preferred.find((method) => offered.includes(method));
  if (method === undefined) return yield* violation("no method that we take");
  inside.sendUnsafe(Mse.encodeChoice(method, yield* padOf(random)));
  return { connection: withPrefix(method === "rc4" ? inside : connection, initial), method };
});
