import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Exit, Fiber, Layer, Option, Result, Schema } from "effect";
import { SecureRandom } from "effect/crypto";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { fromBytes, type InfoHash } from "../../../src/schema/infoHash.ts";
import { concat } from "../../../src/schema/bytes.ts";
import * as Mse from "../../../src/schema/mse.ts";
import type { LinkOptions } from "../../../src/services/MemoryNetwork/link.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { type Ingredients, initiate, respond } from "../../../src/services/Transport/mse.ts";
import { type Connection, Transport } from "../../../src/services/Transport/Transport.ts";
import { digests } from "../../support/digests.ts";
import { describeFixtures, vectors } from "../../support/fixtures.ts";
import { connect, numbers, pattern, type Pair } from "./pair.ts";

const { sha1 } = digests;
const torrentOf = (seed: number): InfoHash => Option.getOrThrow(fromBytes(pattern(20, seed)));
const torrent = torrentOf(1);

/** Chance that is the same for each run. */
const ingredients = (seed: number): Ingredients => {
  let calls = 0;
  return { sha1, random: SecureRandom.make((length) => pattern(length, seed * 1_000 + ++calls)) };
};

/** No pads at all, and the key that a recorded handshake was made with. */
const recordedWith = (privateKey: Uint8Array): Ingredients => ({
  sha1,
  random: SecureRandom.make((length) => (length === privateKey.length ? privateKey : new Uint8Array(length))),
});

const pairOver = (options: LinkOptions = {}) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options);
    const transport = (address: string) =>
      Effect.map(Layer.build(network.host(address)), (context) => Context.get(context, Transport));
    return yield* connect({
      dialler: yield* transport("10.0.0.1"),
      listener: yield* transport("10.0.0.2"),
      at: (port) => NetAddress.inetAddressFromStringUnsafe(`10.0.0.2:${port}`),
    });
  });

/** Moves the clock while `effect` runs; fails when it has not ended within an hour. */
const driven = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true });
    for (let i = 0; i < 36_000 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust("100 millis");
    return yield* Fiber.join(fiber);
  });

const initial = pattern(68, 5);
const handshakes = (
  { dialled, accepted }: Pair,
  options: {
    readonly offered?: ReadonlyArray<Mse.CryptoMethod>;
    readonly preferred?: ReadonlyArray<Mse.CryptoMethod>;
    readonly known?: ReadonlyArray<InfoHash>;
    readonly initial?: Uint8Array;
    readonly seed?: number;
  } = {},
) => {
  const { offered = ["rc4"], preferred = ["rc4"], known = [torrent], seed = 1 } = options;
  return {
    going: initiate(dialled, {
      ...ingredients(seed),
      infoHash: torrent,
      offered,
      initial: options.initial ?? initial,
    }),
    coming: respond(accepted, { ...ingredients(seed + 1), known, preferred }),
  };
};

/** Sends both ways over both ends and checks that it arrives. */
const converse = (a: Connection, b: Connection) =>
  Effect.gen(function* () {
    yield* a.send([pattern(30_000, 3), pattern(7, 4)]);
    assert.deepStrictEqual(yield* b.read(30_000), pattern(30_000, 3));
    const pull = yield* b.receive(numbers);
    assert.deepStrictEqual([...(yield* pull)], [...pattern(7, 4)]);
    b.sendUnsafe(pattern(500, 9));
    assert.deepStrictEqual(yield* a.read(500), pattern(500, 9));
  });

/** What one end wrote, as the wire saw it. */
const tapped = (connection: Connection): { readonly connection: Connection; readonly written: () => Buffer } => {
  const all: Array<Uint8Array> = [];
  const note = (bytes: Uint8Array): Uint8Array => {
    all.push(bytes.slice());
    return bytes;
  };
  return {
    connection: {
      ...connection,
      sendUnsafe: (bytes) => connection.sendUnsafe(note(bytes)),
      send: (chunks) => connection.send(chunks.map(note)),
    },
    written: () => Buffer.concat(all),
  };
};

describe("the handshake of encrypted connections", () => {
  for (const [offered, preferred, method] of [
    [["rc4"], ["plain", "rc4"], "rc4"],
    [["plain"], ["rc4", "plain"], "plain"],
    [["plain", "rc4"], ["plain", "rc4"], "plain"],
    [["plain", "rc4"], ["rc4", "plain"], "rc4"],
    [["plain", "rc4"], ["rc4"], "rc4"],
  ] as const)
    it.effect(`settles on ${method} when ${offered.join()} is offered and ${preferred.join()} taken`, () =>
      driven(
        Effect.gen(function* () {
          const { going, coming } = handshakes(yield* pairOver(), { offered, preferred });
          const [a, b] = yield* Effect.all([going, coming], { concurrency: 2 });
          assert.deepStrictEqual([a.method, b.method], [method, method]);
          assert.deepStrictEqual(yield* b.connection.read(initial.length), initial);
          yield* converse(a.connection, b.connection);
        }),
      ),
    );

  it.effect("works byte by byte, whatever the pads", () =>
    driven(
      Effect.forEach([10, 20, 30, 40], (seed) =>
        Effect.gen(function* () {
          const { going, coming } = handshakes(yield* pairOver({ chunkBytes: 1, latency: "1 millis" }), { seed });
          const [a, b] = yield* Effect.all([going, coming], { concurrency: 2 });
          assert.deepStrictEqual(yield* b.connection.read(initial.length), initial);
          yield* a.connection.send([Uint8Array.of(1, 2, 3)]);
          assert.deepStrictEqual([...(yield* b.connection.read(3))], [1, 2, 3]);
        }),
      ),
    ),
  );

  it.effect("takes as much to begin with as its length can say, and none", () =>
    driven(
      Effect.forEach([0, 65_535], (length) =>
        Effect.gen(function* () {
          const said = pattern(length);
          const { going, coming } = handshakes(yield* pairOver(), { initial: said });
          const [a, b] = yield* Effect.all([going, coming], { concurrency: 2 });
          assert.deepStrictEqual(yield* b.connection.read(length), said);
          yield* converse(a.connection, b.connection);
        }),
      ),
    ),
  );

  it.effect("shows nothing of what is said with RC4, and all after a handshake that chose plain", () =>
    driven(
      Effect.forEach(["rc4", "plain"] as const, (method) =>
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const wire = tapped(pair.dialled);
          const { going, coming } = handshakes(
            { ...pair, dialled: wire.connection },
            { offered: [method], preferred: [method] },
          );
          const [a] = yield* Effect.all([going, coming], { concurrency: 2 });
          const words = Buffer.from("a sentence to be looked for on the wire");
          yield* a.connection.send([words]);
          assert.strictEqual(wire.written().includes(words), method === "plain");
          assert.isFalse(wire.written().includes(Buffer.from(initial)), "the handshake inside is always hidden");
        }),
      ),
    ),
  );

  it.effect("finds the torrent among those that are known", () =>
    driven(
      Effect.gen(function* () {
        const known = [torrentOf(2), torrentOf(3), torrent];
        const { going, coming } = handshakes(yield* pairOver(), { known });
        const [a] = yield* Effect.all([going, coming], { concurrency: 2 });
        assert.strictEqual(a.method, "rc4");
      }),
    ),
  );

  it.effect("fails for a torrent that is not known, and where no method suits both", () =>
    driven(
      Effect.forEach([{ known: [torrentOf(2)] }, { known: [] }, { offered: ["plain"] as const }], (options) =>
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const { going, coming } = handshakes(pair, options);
          const asking = yield* Effect.forkChild(Effect.flip(going), { startImmediately: true });
          assert.strictEqual((yield* Effect.flip(coming))._tag, "BadEncryption");
          yield* pair.closeAccepted;
          assert.strictEqual((yield* Fiber.join(asking))._tag, "TransportError");
        }),
      ),
    ),
  );
});

const KEYS = { weak: new Uint8Array(96), sound: Mse.publicKey(Uint8Array.of(7)) };

describe("the side that was dialled", () => {
  const answersTo = (said: (send: Connection["sendUnsafe"]) => void) =>
    Effect.gen(function* () {
      const pair = yield* pairOver();
      said(pair.dialled.sendUnsafe);
      const { coming } = handshakes(pair);
      const fiber = yield* Effect.forkChild(Effect.flip(coming), { startImmediately: true });
      yield* TestClock.adjust("1 second");
      return yield* Fiber.join(fiber);
    });

  it.effect("refuses a weak key and answers nothing to it", () =>
    driven(
      Effect.gen(function* () {
        const pair = yield* pairOver();
        const wire = tapped(pair.accepted);
        pair.dialled.sendUnsafe(KEYS.weak);
        const error = yield* Effect.flip(handshakes({ ...pair, accepted: wire.connection }).coming);
        assert.strictEqual(error._tag, "BadEncryption");
        assert.strictEqual(wire.written().length, 0);
      }),
    ),
  );

  it.effect("looks for the mark within 512 bytes of pad and no further", () =>
    driven(
      Effect.gen(function* () {
        const endless = yield* answersTo((send) => {
          send(KEYS.sound);
          send(new Uint8Array(Mse.MAX_PAD + 20));
        });
        assert.strictEqual(endless._tag, "BadEncryption");

        const privateKey = Uint8Array.of(7);
        for (const [padded, outcome] of [
          [Mse.MAX_PAD, "BadEncryption: a torrent that we do not have"],
          [Mse.MAX_PAD + 1, "BadEncryption: nothing known within 512 bytes"],
        ] as const) {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.flip(handshakes(pair, { known: [] }).coming), {
            startImmediately: true,
          });
          pair.dialled.sendUnsafe(Mse.publicKey(privateKey));
          const theirs = yield* pair.dialled.read(Mse.PUBLIC_KEY_LENGTH);
          const secret = Result.getOrThrow(Mse.sharedSecret(privateKey, theirs));
          pair.dialled.sendUnsafe(concat([new Uint8Array(padded), Mse.markOf(sha1, secret), new Uint8Array(20)]));
          const error = yield* Fiber.join(fiber);
          assert.strictEqual(error._tag === "BadEncryption" ? `${error._tag}: ${error.why}` : error._tag, outcome);
        }
      }),
    ),
  );

  it.effect.prop(
    "fails in a typed way whatever it is sent, at every stage, and reads a bounded part of it",
    {
      stage: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 3 }))),
      noise: Schema.Uint8Array.pipe(Schema.check(Schema.isMaxLength(300))),
    },
    ({ stage, noise }) =>
      driven(
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.exit(handshakes(pair).coming), { startImmediately: true });
          const privateKey = Uint8Array.of(7);
          if (stage > 0) {
            pair.dialled.sendUnsafe(Mse.publicKey(privateKey));
            const theirs = yield* pair.dialled.read(Mse.PUBLIC_KEY_LENGTH);
            const secret = Result.getOrThrow(Mse.sharedSecret(privateKey, theirs));
            if (stage > 1) pair.dialled.sendUnsafe(Mse.markOf(sha1, secret));
            if (stage > 2) pair.dialled.sendUnsafe(Mse.veiled(sha1, secret, torrent));
          }
          pair.dialled.sendUnsafe(noise);
          yield* pair.closeDialled;
          const exit = yield* Fiber.join(fiber);
          assert.isTrue(Exit.isFailure(exit));
          assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every((reason) => reason._tag === "Fail"));
        }),
      ),
  );
});

describe("the side that dials", () => {
  it.effect.prop(
    "fails in a typed way whatever it is answered",
    {
      key: Schema.Literals(["weak", "sound"]),
      noise: Schema.Uint8Array.pipe(Schema.check(Schema.isMaxLength(900))),
    },
    ({ key, noise }) =>
      driven(
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.exit(handshakes(pair).going), { startImmediately: true });
          pair.accepted.sendUnsafe(KEYS[key]);
          pair.accepted.sendUnsafe(noise);
          yield* Effect.forkChild(Effect.exit(pair.accepted.read(600)));
          yield* TestClock.adjust("1 second");
          yield* pair.closeAccepted;
          const exit = yield* Fiber.join(fiber);
          assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every((reason) => reason._tag === "Fail"));
        }),
      ),
  );

  it.effect("refuses an answer that chooses what was not offered, nothing, or two methods", () =>
    driven(
      Effect.forEach([[], ["plain"], ["plain", "rc4"]] as const, (chosen) =>
        Effect.gen(function* () {
          const pair = yield* pairOver();
          const fiber = yield* Effect.forkChild(Effect.flip(handshakes(pair).going), { startImmediately: true });
          const privateKey = Uint8Array.of(7);
          pair.accepted.sendUnsafe(Mse.publicKey(privateKey));
          const theirs = yield* pair.accepted.read(Mse.PUBLIC_KEY_LENGTH);
          const { b } = Mse.streamsOf(sha1, Result.getOrThrow(Mse.sharedSecret(privateKey, theirs)), torrent);
          const bits = chosen.reduce((sum, method) => sum | (method === "rc4" ? 2 : 1), 0);
          const answer = Uint8Array.from([...new Uint8Array(8), 0, 0, 0, bits, 0, 0]);
          b.apply(answer, answer);
          pair.accepted.sendUnsafe(answer);
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "BadEncryption");
        }),
      ),
    ),
  );
});

const Recorded = Schema.Struct({
  privateKey: Schema.String,
  skey: Schema.String,
  incoming: Schema.Struct({ Ya: Schema.String, afterYa: Schema.String, expectPeerId: Schema.String }),
  outgoing: Schema.Struct({ Yb: Schema.String, afterYb: Schema.String, expectPeerId: Schema.String }),
});

describeFixtures("recorded handshakes, played", () => {
  const { incoming, outgoing, ...own } = vectors("mse", Recorded);
  const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
  const peerIdIn = (handshake: Uint8Array): string => Buffer.from(handshake.subarray(48)).toString("latin1");
  const infoHash = Option.getOrThrow(fromBytes(bytes(own.skey)));
  const known = recordedWith(bytes(own.privateKey));

  it.effect("are answered", () =>
    driven(
      Effect.gen(function* () {
        const { dialled, accepted } = yield* pairOver();
        dialled.sendUnsafe(concat([bytes(incoming.Ya), bytes(incoming.afterYa)]));
        const { connection } = yield* respond(accepted, { ...known, known: [infoHash], preferred: ["rc4"] });
        assert.strictEqual(peerIdIn(yield* connection.read(68)), incoming.expectPeerId);
      }),
    ),
  );

  it.effect("are understood as answers", () =>
    driven(
      Effect.gen(function* () {
        const { dialled, accepted } = yield* pairOver();
        accepted.sendUnsafe(concat([bytes(outgoing.Yb), bytes(outgoing.afterYb)]));
        const { connection } = yield* initiate(dialled, { ...known, infoHash, offered: ["rc4"], initial });
        assert.strictEqual(peerIdIn(yield* connection.read(68)), outgoing.expectPeerId);
      }),
    ),
  );
});
