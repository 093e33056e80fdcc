import { assert, describe, it } from "@effect/vitest";
import { Clock, Context, Effect, Fiber, Layer, Option } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { TransportError } from "../../src/schema/errors/TransportError.ts";
import { PROTOCOL } from "../../src/schema/handshake.ts";
import { fromBytes } from "../../src/schema/infoHash.ts";
import { publicKey } from "../../src/schema/mse.ts";
import { PexFlag } from "../../src/schema/utPex.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { wrapConnections } from "../../src/services/Transport/middleware.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import { type EncryptionPolicy, makeEncryption, type Way } from "../../src/streams/encryption.ts";
import { pattern } from "../services/Transport/pair.ts";
import { type Client, makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const POLICIES: ReadonlyArray<EncryptionPolicy> = ["allow", "prefer", "require", "off"];

/** What came of a pair of policies: the mode of the connection that the payload went over, if there was one. */
type Outcome = "plain" | "header" | "rc4" | "none";

/** By the dialler's policy, then by that of the one it dials. */
const TABLE: Readonly<Record<EncryptionPolicy, Readonly<Record<EncryptionPolicy, Outcome>>>> = {
  allow: { allow: "plain", prefer: "plain", require: "rc4", off: "plain" },
  prefer: { allow: "rc4", prefer: "rc4", require: "rc4", off: "plain" },
  require: { allow: "rc4", prefer: "rc4", require: "rc4", off: "none" },
  off: { allow: "plain", prefer: "plain", require: "none", off: "plain" },
};

const fixture = makeFixture({ length: 200_000, pieceLength: 65_536, private: true });
const SEED = { host: "10.0.0.1", port: 6881 };
/** Bytes of the payload by which it is known on the wire. */
const PAYLOAD = Buffer.from(fixture.bytes.subarray(1_000, 1_040));

/** Listens in on all connections of a client, in the order in which they are opened. */
const tap = () => {
  const heard: Array<{ readonly said: Array<Uint8Array>; readonly came: Array<Uint8Array> }> = [];
  const layer = wrapConnections((connection) =>
    Effect.sync(() => {
      const wire = { said: new Array<Uint8Array>(), came: new Array<Uint8Array>() };
      heard.push(wire);
      return {
        ...connection,
        sendUnsafe: (bytes) => {
          wire.said.push(bytes.slice());
          return connection.sendUnsafe(bytes);
        },
        read: (length) =>
          Effect.tap(connection.read(length), (bytes) => Effect.sync(() => wire.came.push(bytes.slice()))),
        receive: (decode) =>
          connection.receive((bytes: Uint8Array, out: Parameters<typeof decode>[1]) => {
            wire.came.push(bytes.slice());
            return decode(bytes, out);
          }),
      };
    }),
  );
  return {
    layer,
    connections: () => heard.length,
    /** All that came on the last connection. */
    came: () => Buffer.concat(heard.at(-1)?.came ?? []),
    outcome: (): Outcome => {
      const wire = heard.at(-1);
      if (wire === undefined || !Buffer.concat(wire.came).includes(PAYLOAD)) return wire === undefined ? "none" : "rc4";
      return Buffer.concat(wire.said).includes(PROTOCOL) ? "plain" : "header";
    },
  };
};

/** One client that has everything, and one that dials it. */
const meeting = (options: {
  readonly dialler: EncryptionPolicy;
  readonly dialled: EncryptionPolicy;
  readonly chunkBytes?: number;
}) =>
  Effect.gen(function* () {
    const network = yield* Network.make({
      latency: "10 millis",
      ...(options.chunkBytes !== undefined && { chunkBytes: options.chunkBytes }),
    });
    yield* makeSeed(fixture, { network, address: SEED.host }, { encryption: options.dialled });
    yield* TestClock.adjust("1 second");
    const wire = tap();
    const client = yield* makeClient({ network, address: "10.0.0.2", transport: wire.layer });
    const run = yield* watch(client, requestOf(fixture, { peers: [SEED], encryption: options.dialler }));
    return { client, run, wire };
  });

const isWhole = (client: Client) =>
  Effect.map(client.disk.get("/d/payload.bin"), (bytes) => Buffer.from(bytes ?? []).equals(fixture.bytes));

describe("two clients", () => {
  for (const dialler of POLICIES)
    for (const dialled of POLICIES) {
      const expected = TABLE[dialler][dialled];
      it.effect(`meet with ${expected} when one has ${dialler} and dials one that has ${dialled}`, () =>
        Effect.gen(function* () {
          const { client, run, wire } = yield* meeting({ dialler, dialled });
          yield* TestClock.adjust("12 seconds");
          assert.strictEqual(run.isComplete(), expected !== "none");
          if (expected === "none")
            return assert.isTrue(run.peer(SEED.host).some((code) => code.startsWith("transport.")));
          assert.isTrue(yield* isWhole(client));
          assert.strictEqual(wire.outcome(), expected);
          const isSecondWay = dialler === "prefer" ? expected === "plain" : dialler === "allow" && expected === "rc4";
          assert.strictEqual(wire.connections(), isSecondWay ? 2 : 1);
        }).pipe(Effect.provide(MemoryTrackers.layer)),
      );
    }

  it.effect("meet when reads cut the handshake anywhere", () =>
    Effect.gen(function* () {
      const { client, wire } = yield* meeting({ dialler: "prefer", dialled: "allow", chunkBytes: 61 });
      yield* TestClock.adjust("60 seconds");
      assert.isTrue(yield* isWhole(client));
      assert.strictEqual(wire.outcome(), "rc4");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("say in the extension handshake that they ask for it, where they do", () =>
    Effect.gen(function* () {
      for (const [dialled, asks] of [
        ["prefer", true],
        ["allow", false],
      ] as const) {
        const { wire } = yield* meeting({ dialler: "allow", dialled });
        yield* TestClock.adjust("3 seconds");
        assert.strictEqual(wire.came().includes("1:ei1e"), asks, dialled);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("part when the handshake takes longer than its time, however slowly it goes on", () =>
    Effect.gen(function* () {
      const network = yield* Network.make();
      yield* makeSeed(fixture, { network, address: SEED.host });
      const stranger = Context.get(yield* Layer.build(network.host("10.0.0.3")), Transport);
      yield* TestClock.adjust("1 second");
      const seat = NetAddress.inetAddressFromStringUnsafe(`${SEED.host}:${SEED.port}`);
      const connection = yield* stranger.dial(seat, { timeout: "1 second" });
      const end = yield* Effect.forkChild(
        Effect.andThen(Effect.flip(connection.read(65_536)), Clock.currentTimeMillis),
        { startImmediately: true },
      );
      connection.sendUnsafe(publicKey(Uint8Array.of(7)));
      for (let second = 0; second < 20; second++) {
        connection.sendUnsafe(Uint8Array.of(second));
        yield* TestClock.adjust("1 second");
      }
      assert.strictEqual(yield* Fiber.join(end), 11_000);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("tell what keeps them apart", () =>
    Effect.gen(function* () {
      const network = yield* Network.make();
      const seed = yield* makeClient({ network, address: SEED.host });
      yield* seed.disk.put("/d/payload.bin", fixture.bytes);
      const seeding = yield* watch(seed, requestOf(fixture, { seed: true, port: SEED.port, encryption: "require" }));
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      yield* watch(client, requestOf(fixture, { peers: [SEED], encryption: "off" }));
      yield* TestClock.adjust("2 seconds");
      const failed = seeding.events.find((event) => event.type === "peer" && event.state === "failed");
      assert.include(JSON.stringify(failed), "does not encrypt, which is required here");
      assert.deepStrictEqual(seeding.peer("10.0.0.2"), ["peer.not-encrypted"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

const infoHash = Option.getOrThrow(fromBytes(pattern(20)));
const address = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:6881");

/** By which ways `policy` dials a peer that said something of itself, or of which something was said. */
const waysOf = (
  policy: EncryptionPolicy,
  options: {
    readonly flags?: number;
    readonly asked?: {
      readonly encryption: boolean;
      readonly port?: number;
      readonly direction: "incoming" | "outgoing";
    };
  } = {},
) =>
  Effect.gen(function* () {
    const encryption = yield* makeEncryption(policy, () => [infoHash]);
    const { asked, flags } = options;
    if (asked !== undefined) {
      const remote =
        asked.direction === "outgoing" ? address : NetAddress.inetAddressFromStringUnsafe("10.0.0.9:50000");
      encryption.towards({ remote, direction: asked.direction }).greeted(asked);
    }
    return encryption.inOrder({ address, ...(flags !== undefined && { pex: { flags, relay: address } }) });
  }).pipe(Effect.provide(Layer.merge(Hasher.layer, SecureRandom.layer)));

const waysAre = (
  options: Parameters<typeof waysOf>[1],
  expected: Readonly<Record<EncryptionPolicy, ReadonlyArray<Way>>>,
) =>
  Effect.gen(function* () {
    for (const policy of POLICIES) assert.deepStrictEqual(yield* waysOf(policy, options), expected[policy], policy);
  });

describe("encryption", () => {
  it.effect("begins the next time with what was understood, where there is a choice", () =>
    Effect.gen(function* () {
      for (const [policy, way, expected] of [
        ["allow", "encrypted", ["encrypted", "plain"]],
        ["allow", "plain", ["plain", "encrypted"]],
        ["prefer", "plain", ["plain", "encrypted"]],
        ["require", "encrypted", ["encrypted"]],
      ] as const) {
        const encryption = yield* makeEncryption(policy, () => [infoHash]);
        encryption.understood({ address }, way);
        assert.deepStrictEqual(encryption.inOrder({ address }), expected);
      }
    }).pipe(Effect.provide(Layer.merge(Hasher.layer, SecureRandom.layer))),
  );

  it.effect("begins encrypted with those that are known to want it, unless it is off", () =>
    Effect.gen(function* () {
      const expected = {
        allow: ["encrypted", "plain"],
        prefer: ["encrypted", "plain"],
        require: ["encrypted"],
        off: ["plain"],
      } as const;
      yield* waysAre({ flags: PexFlag.prefersEncryption | PexFlag.seed }, expected);
      yield* waysAre({ asked: { encryption: true, direction: "outgoing" } }, expected);
      yield* waysAre({ asked: { encryption: true, port: 6881, direction: "incoming" } }, expected);
      assert.deepStrictEqual(yield* waysOf("allow", { flags: PexFlag.seed }), ["plain", "encrypted"]);
      for (const asked of [
        { encryption: false, direction: "outgoing" },
        { encryption: true, direction: "incoming" },
        { encryption: true, port: 6882, direction: "outgoing" },
      ] as const)
        assert.deepStrictEqual(yield* waysOf("allow", { asked }), ["plain", "encrypted"]);
    }),
  );

  it.effect("forgets those that it heard of first once there are too many", () =>
    Effect.gen(function* () {
      const encryption = yield* makeEncryption("allow", () => [infoHash]);
      const peer = (n: number) => NetAddress.inetAddressFromStringUnsafe(`10.1.${n >> 8}.${n & 255}:6881`);
      for (let n = 0; n <= 3_000; n++)
        encryption.towards({ remote: peer(n), direction: "outgoing" }).greeted({ encryption: true });
      const first = (n: number) => encryption.inOrder({ address: peer(n) })[0];
      assert.deepStrictEqual([first(0), first(1), first(3_000)], ["plain", "encrypted", "encrypted"]);
    }).pipe(Effect.provide(Layer.merge(Hasher.layer, SecureRandom.layer))),
  );

  it.effect("asks for itself where it is wanted", () =>
    Effect.gen(function* () {
      const asks = yield* Effect.forEach(POLICIES, (policy) =>
        Effect.map(
          makeEncryption(policy, () => [infoHash]),
          (of) => of.towards({ remote: address, direction: "incoming" }).asks,
        ),
      );
      assert.deepStrictEqual(asks, [false, true, true, false]);
    }).pipe(Effect.provide(Layer.merge(Hasher.layer, SecureRandom.layer))),
  );

  it.effect("leaves the payload plain where both sides merely allow it", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeSeed(fixture, { network, address: SEED.host }, { encryption: "allow" });
      yield* TestClock.adjust("1 second");
      const wire = tap();
      const reset = new TransportError({ address: SEED.host, reason: { _tag: "Reset" } });
      const hangUp = wrapConnections((connection) =>
        Effect.succeed({
          ...connection,
          // a middlebox that knows BitTorrent when it sees it
          sendUnsafe: (bytes) => !Buffer.from(bytes).includes(PROTOCOL) && connection.sendUnsafe(bytes),
          read: (length) => (length === 68 && wire.connections() === 1 ? Effect.fail(reset) : connection.read(length)),
        }),
      );
      const client = yield* makeClient({
        network,
        address: "10.0.0.2",
        transport: Layer.provide(hangUp, wire.layer),
      });
      const run = yield* watch(client, requestOf(fixture, { peers: [SEED] }));
      yield* TestClock.adjust("10 seconds");
      assert.isTrue(run.isComplete());
      assert.strictEqual(wire.outcome(), "header");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
