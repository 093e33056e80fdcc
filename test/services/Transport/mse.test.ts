import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Option, Schema } from "effect";
import { SecureRandom } from "effect/crypto";
import { fromBytes } from "../../../src/schema/infoHash.ts";
import { concat } from "../../../src/schema/bytes.ts";
import { type Ingredients, initiate, respond } from "../../../src/services/Transport/mse.ts";
import type { Connection } from "../../../src/services/Transport/Transport.ts";
import { digests } from "../../support/digests.ts";
import { describeFixtures, vectors } from "../../support/fixtures.ts";
import { numbers, pattern } from "./pair.ts";
import { driven } from "./driven.ts";
import { handshakes, initial, pairOver, tapped, torrent, torrentOf } from "./encrypted.ts";

const { sha1 } = digests;

/** No pads at all, and the key that a recorded handshake was made with. */
const recordedWith = (privateKey: Uint8Array): Ingredients => ({
  sha1,
  random: SecureRandom.make((length) => (length === privateKey.length ? privateKey : new Uint8Array(length))),
});

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
