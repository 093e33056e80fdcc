/**
 * Message stream encryption (MSE/PE): keys, hashes and messages of its handshake. Pure; who says what when is in
 * services/Transport/mse.ts, whether to encrypt at all is decided in streams/encryption.ts.
 */
import * as Result from "effect/Result";
import { concat, isSame } from "./bytes.ts";
import type { MseViolation } from "./errors/PeerError.ts";
import type { InfoHash } from "./infoHash.ts";
import { makeRc4, type Rc4 } from "./rc4.ts";

/** Bytes of a public key and of the secret; leading zeros are kept. */
export const PUBLIC_KEY_LENGTH = 96;
/** Bytes of a private key. */
export const PRIVATE_KEY_LENGTH = 20;
/** Random bytes after a key or a message, at the most. */
export const MAX_PAD = 512;
/** Bytes of a hash (SHA-1). */
export const MSE_HASH_LENGTH = 20;
/** Zeros by which the beginning of what is enciphered is known. */
export const VC_LENGTH = 8;
/** Bytes of what follows the VC up to the first pad: methods and the pad's length. */
export const HEAD_LENGTH = 6;
/** Bytes of the key stream that are thrown away before the first is used. */
const DISCARDED = 1024;

const PRIME =
  0xffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563n;
const GENERATOR = 2n;

/** What is done to the stream after the handshake. */
export type CryptoMethod = "plain" | "rc4";

/** The bit of each method in `crypto_provide` and `crypto_select`. */
const BITS: Readonly<Record<CryptoMethod, number>> = { plain: 0x01, rc4: 0x02 };
const METHODS: ReadonlyArray<CryptoMethod> = ["plain", "rc4"];

/** SHA-1 of all of `bytes`. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/** A breach of the protocol. */
export const mseViolation = (why: string): MseViolation => ({ _tag: "BadEncryption", why });

const toNumber = (bytes: Uint8Array): bigint => {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  return number;
};

const toBytes = (number: bigint): Uint8Array => {
  const bytes = new Uint8Array(PUBLIC_KEY_LENGTH);
  for (let at = PUBLIC_KEY_LENGTH - 1, rest = number; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
};

/** `base ** exponent % PRIME`. 0.3 ms with a private key; Node's own Diffie-Hellman checks the prime first, for 20 ms. */
const power = (base: bigint, exponent: bigint): bigint => {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % PRIME;
    if (bit === "1") result = (result * base) % PRIME;
  }
  return result;
};

/** The public key of a private one. */
export const publicKey = (privateKey: Uint8Array): Uint8Array => toBytes(power(GENERATOR, toNumber(privateKey)));

/** What both sides know after the exchange; refuses the keys that would let anybody know it. */
export const sharedSecret = (privateKey: Uint8Array, theirs: Uint8Array): Result.Result<Uint8Array, MseViolation> => {
  const key = toNumber(theirs);
  if (key <= 1n || key >= PRIME - 1n) return Result.fail(mseViolation("a public key that hides nothing"));
  return Result.succeed(toBytes(power(key, toNumber(privateKey))));
};

const tagged = (sha1: Sha1, tag: string, ...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  sha1(concat([new TextEncoder().encode(tag), ...parts]));

/** `HASH("req1", S)`: the mark by which the receiver finds the end of the first pad. */
export const markOf = (sha1: Sha1, secret: Uint8Array): Uint8Array => tagged(sha1, "req1", secret);

/** `HASH("req2", SKEY) xor HASH("req3", S)`: the torrent's name for those who know it. */
export const veiled = (sha1: Sha1, secret: Uint8Array, { bytes }: InfoHash): Uint8Array => {
  const veil = tagged(sha1, "req3", secret);
  return tagged(sha1, "req2", bytes).map((byte, i) => byte ^ (veil[i] ?? 0));
};

/** Which of the torrents that we know was named. */
export const unveil = (
  sha1: Sha1,
  secret: Uint8Array,
  name: Uint8Array,
  known: ReadonlyArray<InfoHash>,
): InfoHash | undefined => known.find((infoHash) => isSame(veiled(sha1, secret, infoHash), name));

/** The streams of the initiator (A) and of the receiver (B), each past what is discarded. */
export const streamsOf = (
  sha1: Sha1,
  secret: Uint8Array,
  { bytes }: InfoHash,
): { readonly a: Rc4; readonly b: Rc4 } => {
  const stream = (tag: string): Rc4 => {
    const rc4 = makeRc4(tagged(sha1, tag, secret, bytes));
    const discarded = new Uint8Array(DISCARDED);
    rc4.apply(discarded, discarded);
    return rc4;
  };
  return { a: stream("keyA"), b: stream("keyB") };
};

const head = (methods: ReadonlyArray<CryptoMethod>, pad: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(VC_LENGTH + HEAD_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(
    VC_LENGTH,
    methods.reduce((bits, method) => bits | BITS[method], 0),
  );
  view.setUint16(VC_LENGTH + 4, pad.length);
  return concat([bytes, pad]);
};

/** What the initiator enciphers: the methods it offers and, behind the pad, what it has to say already (`IA`, at most 65,535 bytes). */
export const encodeOffer = (offered: ReadonlyArray<CryptoMethod>, pad: Uint8Array, initial: Uint8Array): Uint8Array =>
  concat([head(offered, pad), Uint8Array.of(initial.length >> 8, initial.length & 255), initial]);

/** What the receiver enciphers: the method it chose. */
export const encodeChoice = (chosen: CryptoMethod, pad: Uint8Array): Uint8Array => head([chosen], pad);

/** What follows the VC in both: the known methods among those named, in order, and the length of the pad. */
export const decodeHead = (
  bytes: Uint8Array,
): Result.Result<{ readonly methods: ReadonlyArray<CryptoMethod>; readonly padLength: number }, MseViolation> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = view.getUint32(0);
  const padLength = view.getUint16(4);
  if (padLength > MAX_PAD) return Result.fail(mseViolation(`a pad of ${padLength} bytes (limit ${MAX_PAD})`));
  return Result.succeed({ methods: METHODS.filter((method) => (bits & BITS[method]) !== 0), padLength });
};
