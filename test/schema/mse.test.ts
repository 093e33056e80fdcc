import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { fromBytes, type InfoHash } from "../../src/schema/infoHash.ts";
import * as Mse from "../../src/schema/mse.ts";
import type { Rc4 } from "../../src/schema/rc4.ts";
import { digests } from "../support/digests.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const { sha1 } = digests;
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (of: Uint8Array): string => Buffer.from(of).toString("hex");
const infoHash = (hex: string): InfoHash => Option.getOrThrow(fromBytes(bytes(hex)));
const deciphered = (stream: Rc4, enciphered: Uint8Array): Uint8Array => {
  const plain = enciphered.slice();
  stream.apply(plain, plain);
  return plain;
};

const Recorded = Schema.Struct({
  prime: Schema.String,
  privateKey: Schema.String,
  publicKey: Schema.String,
  skey: Schema.String,
  incoming: Schema.Struct({
    Ya: Schema.String,
    afterYa: Schema.String,
    S: Schema.String,
    req1Hash: Schema.String,
    req1At: Schema.Int,
    decryptedAfterReq23: Schema.String,
    cryptoProvide: Schema.Int,
    lenPadC: Schema.Int,
  }),
  outgoing: Schema.Struct({
    Yb: Schema.String,
    afterYb: Schema.String,
    S: Schema.String,
    req1HashWeSend: Schema.String,
    encryptedVC: Schema.String,
    encryptedVCAt: Schema.Int,
    lenPadD: Schema.Int,
    decrypted: Schema.String,
  }),
});

describeFixtures("recorded handshakes of encrypted connections", () => {
  const recorded = vectors("mse", Recorded);
  const privateKey = bytes(recorded.privateKey);
  const torrent = infoHash(recorded.skey);

  it("has their public key", () => {
    assert.strictEqual(hex(Mse.publicKey(privateKey)), recorded.publicKey);
  });

  it("reads one that came in", () => {
    const { Ya, afterYa, S, req1Hash, req1At, decryptedAfterReq23, cryptoProvide, lenPadC } = recorded.incoming;
    const secret = Result.getOrThrow(Mse.sharedSecret(privateKey, bytes(Ya)));
    assert.strictEqual(hex(secret), S);
    assert.strictEqual(hex(Mse.markOf(sha1, secret)), req1Hash);
    const after = bytes(afterYa).subarray(req1At + 20);
    const other = infoHash("00".repeat(20));
    assert.strictEqual(Mse.unveil(sha1, secret, after.subarray(0, 20), [other, torrent]), torrent);
    assert.isUndefined(Mse.unveil(sha1, secret, after.subarray(0, 20), [other]));
    const said = deciphered(Mse.streamsOf(sha1, secret, torrent).a, after.subarray(20));
    assert.strictEqual(hex(said), decryptedAfterReq23);
    assert.strictEqual(cryptoProvide, 2);
    assert.deepStrictEqual(Result.getOrThrow(Mse.decodeHead(said.subarray(8, 14))), {
      methods: ["rc4"],
      padLength: lenPadC,
    });
  });

  it("reads the answer to one that went out", () => {
    const { Yb, afterYb, S, req1HashWeSend, encryptedVC, encryptedVCAt, lenPadD, decrypted } = recorded.outgoing;
    const secret = Result.getOrThrow(Mse.sharedSecret(privateKey, bytes(Yb)));
    assert.strictEqual(hex(secret), S);
    assert.strictEqual(hex(Mse.markOf(sha1, secret)), req1HashWeSend);
    assert.strictEqual(hex(deciphered(Mse.streamsOf(sha1, secret, torrent).b, new Uint8Array(8))), encryptedVC);
    const said = deciphered(Mse.streamsOf(sha1, secret, torrent).b, bytes(afterYb).subarray(encryptedVCAt));
    assert.strictEqual(hex(said), decrypted);
    assert.deepStrictEqual(Result.getOrThrow(Mse.decodeHead(said.subarray(8, 14))), {
      methods: ["rc4"],
      padLength: lenPadD,
    });
  });

  it("refuses keys that hide nothing", () => {
    const key = (number: bigint): Uint8Array => bytes(number.toString(16).padStart(192, "0"));
    const prime = BigInt(`0x${recorded.prime}`);
    for (const weak of [0n, 1n, prime - 1n, prime, prime + 1n, 2n ** 768n - 1n])
      assert.isTrue(Result.isFailure(Mse.sharedSecret(privateKey, key(weak))), weak.toString(16));
    for (const sound of [2n, prime - 2n])
      assert.isTrue(Result.isSuccess(Mse.sharedSecret(privateKey, key(sound))), sound.toString(16));
  });
});

const key = Schema.Uint8Array.pipe(Schema.check(Schema.isMinLength(20), Schema.isMaxLength(20)));
const torrentA = infoHash("aa".repeat(20));

describe("message stream encryption", () => {
  it.prop("gives both sides the same secret", [key, key], ([a, b]) => {
    const from = (own: Uint8Array, theirs: Uint8Array) => Mse.sharedSecret(own, Mse.publicKey(theirs));
    assert.deepStrictEqual(from(a, b), from(b, a));
  });

  it("keeps the leading zeros of keys and secrets", () => {
    const small = Mse.publicKey(bytes("03"));
    assert.strictEqual(hex(small), "08".padStart(192, "0"));
    assert.strictEqual(hex(Result.getOrThrow(Mse.sharedSecret(bytes("02"), small))), "40".padStart(192, "0"));
  });

  it("says in an offer what it takes, and what it has to say already", () => {
    const offer = Mse.encodeOffer(["plain", "rc4"], Uint8Array.of(1, 2, 3), Uint8Array.of(9, 8));
    assert.strictEqual(hex(offer), "0000000000000000_00000003_0003_010203_0002_0908".replaceAll("_", ""));
    assert.strictEqual(
      hex(Mse.encodeChoice("plain", new Uint8Array(0))),
      "0000000000000000_00000001_0000".replaceAll("_", ""),
    );
  });

  it("reads methods, unknown ones left out", () => {
    const methods = (bits: string) => Mse.decodeHead(bytes(`${bits}0200`));
    assert.deepStrictEqual(methods("ffffffff"), Result.succeed({ methods: ["plain", "rc4"], padLength: 512 }));
    assert.deepStrictEqual(methods("00000002"), Result.succeed({ methods: ["rc4"], padLength: 512 }));
    assert.deepStrictEqual(methods("fffffffc"), Result.succeed({ methods: [], padLength: 512 }));
  });

  it("refuses a pad of more than 512 bytes", () => {
    assert.isTrue(Result.isFailure(Mse.decodeHead(bytes("000000020201"))));
  });

  it("has streams that are the initiator's and the receiver's", () => {
    const secret = new Uint8Array(96);
    const first = (stream: Rc4): string => hex(deciphered(stream, new Uint8Array(16)));
    const { a, b } = Mse.streamsOf(sha1, secret, torrentA);
    assert.notStrictEqual(first(a), first(b));
    assert.notStrictEqual(first(Mse.streamsOf(sha1, secret, infoHash("bb".repeat(20))).a), first(a));
  });
});
