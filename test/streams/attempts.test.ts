import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Layer, Option, type Scope } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import type { PeerReason } from "../../src/schema/errors/PeerError.ts";
import { TransportError, type TransportReason } from "../../src/schema/errors/TransportError.ts";
import { fromBytes, type TorrentHashes } from "../../src/schema/infoHash.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import type { Connection, Dial } from "../../src/services/Transport/Transport.ts";
import { inTurn } from "../../src/streams/attempts.ts";
import { type EncryptionPolicy, makeEncryption } from "../../src/streams/encryption.ts";
import { makeNames } from "../../src/streams/names.ts";

const v1 = Option.getOrThrow(fromBytes(new Uint8Array(20).fill(1)));
const onlyV1: TorrentHashes = { infoHash: v1, infoHashV1: v1.hex };
const hybrid: TorrentHashes = { ...onlyV1, infoHashV2: Hex.encode(new Uint8Array(32).fill(2)) };
const address = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:6881");
const lost = (reason: TransportReason) => new TransportError({ address: "10.0.0.9:6881", reason });
const CLOSED = lost({ _tag: "Closed" });
const SILENT = lost({ _tag: "TimedOut", afterMillis: 1 });

type Failure = PeerReason | TransportError;

/** What is tried, in words: by which dial, under which name, encrypted or not; and what comes of it. */
const trying = (options: {
  readonly policy: EncryptionPolicy;
  readonly hashes?: TorrentHashes;
  /** Which kind answers a dial that takes any; TCP by default. */
  readonly answers?: Connection["kind"];
  /** There is one kind only. */
  readonly single?: boolean;
  /** What comes of an attempt; understood if nothing. */
  readonly failure: (attempt: string) => Failure | undefined;
  readonly times?: number;
}) =>
  Effect.gen(function* () {
    const tried: Array<string> = [];
    const timeouts: Array<number> = [];
    let by = "";
    const dialOf =
      (name: string, kind: Connection["kind"]): Dial =>
      (remote, { timeout }) =>
        Effect.sync(() => {
          by = name;
          timeouts.push(Duration.toMillis(Duration.fromInputUnsafe(timeout)));
          return {
            kind,
            remote,
            local: remote,
            direction: "outgoing",
            read: () => Effect.never,
            receive: () => Effect.never,
            sendUnsafe: () => true,
            drained: Effect.void,
            send: () => Effect.void,
          };
        });
    const transport = {
      dial: dialOf("any", options.answers ?? "tcp"),
      ...(options.single !== true && { dialTcp: dialOf("tcp", "tcp"), dialUtp: dialOf("utp", "utp") }),
    };
    const encryption = yield* makeEncryption(options.policy, () => [v1]);
    const names = makeNames(options.hashes ?? onlyV1, true);
    const attempt: Effect.Effect<string, Failure, Scope.Scope> = inTurn(
      { candidate: { address }, transport, encryption, names },
      (dial, { name, way }) =>
        Effect.flatMap(dial(address, { timeout: 15_000 }), () => {
          const words = `${by} ${name.hex === v1.hex ? "v1" : "v2"} ${way}`;
          tried.push(words);
          const failure = options.failure(words);
          return failure === undefined ? Effect.succeed(words) : Effect.fail(failure);
        }),
    );
    let outcome: unknown;
    for (let time = 0; time < (options.times ?? 1); time++)
      outcome = yield* Effect.match(Effect.scoped(attempt), {
        onFailure: (failure) => failure,
        onSuccess: () => "met",
      });
    return { tried, timeouts, outcome };
  }).pipe(Effect.provide(Layer.merge(Hasher.layer, SecureRandom.layer)));

const hangsUp = () => CLOSED;

describe("attempts", () => {
  it.effect(
    "are each way of encryption by the kind that answered, then by the other, with one that always hangs up",
    () =>
      Effect.gen(function* () {
        for (const [policy, expected] of [
          ["allow", ["any v1 plain", "tcp v1 encrypted", "utp v1 plain", "utp v1 encrypted"]],
          ["prefer", ["any v1 encrypted", "tcp v1 plain", "utp v1 encrypted", "utp v1 plain"]],
          ["require", ["any v1 encrypted", "utp v1 encrypted"]],
          ["off", ["any v1 plain", "utp v1 plain"]],
        ] as const) {
          const { outcome, tried } = yield* trying({ policy, failure: hangsUp });
          assert.deepStrictEqual(tried, [...expected]);
          assert.strictEqual(outcome, CLOSED);
        }
      }),
  );

  it.effect("go to TCP from uTP where that answered", () =>
    Effect.gen(function* () {
      const { outcome, tried } = yield* trying({
        policy: "allow",
        answers: "utp",
        failure: (words) => (words.startsWith("tcp") ? undefined : CLOSED),
      });
      assert.deepStrictEqual(tried, ["any v1 plain", "utp v1 encrypted", "tcp v1 plain"]);
      assert.strictEqual(outcome, "met");
    }),
  );

  it.effect("try both names of a hybrid by the kind that answered, and the first alone by the other", () =>
    Effect.gen(function* () {
      const { tried } = yield* trying({ policy: "allow", hashes: hybrid, failure: hangsUp });
      assert.deepStrictEqual(tried, [
        "any v1 plain",
        "tcp v1 encrypted",
        "tcp v2 plain",
        "tcp v2 encrypted",
        "utp v1 plain",
        "utp v1 encrypted",
      ]);
    }),
  );

  it.effect("stay with the only kind that there is", () =>
    Effect.gen(function* () {
      for (const answers of ["memory", "utp"] as const) {
        const { tried } = yield* trying({ policy: "allow", single: true, answers, failure: hangsUp });
        assert.deepStrictEqual(tried, ["any v1 plain", "any v1 encrypted"]);
      }
    }),
  );

  it.effect("end with one that is not there or will not have us", () =>
    Effect.gen(function* () {
      for (const failure of [lost({ _tag: "Refused" }), { _tag: "Duplicate" }, { _tag: "WrongTorrent" }] as const)
        for (const policy of ["allow", "prefer", "require", "off"] as const) {
          const { outcome, tried } = yield* trying({ policy, hashes: hybrid, failure: () => failure });
          assert.lengthOf(tried, 1);
          assert.strictEqual(outcome, failure);
        }
    }),
  );

  it.effect("fall back to plain where encryption fails or is not answered, and do not turn to it for silence", () =>
    Effect.gen(function* () {
      for (const failure of [{ _tag: "BadEncryption", why: "" }, { _tag: "HandshakeTimedOut" }] as const)
        for (const [policy, expected] of [
          ["allow", ["any v1 plain"]],
          ["prefer", ["any v1 encrypted", "tcp v1 plain"]],
          ["require", ["any v1 encrypted"]],
          ["off", ["any v1 plain"]],
        ] as const) {
          const { tried } = yield* trying({ policy, failure: () => failure });
          assert.deepStrictEqual(tried, [...expected]);
        }
    }),
  );

  it.effect("give the other kind less time, and tell of the hang-up where it does not answer", () =>
    Effect.gen(function* () {
      const { outcome, timeouts, tried } = yield* trying({
        policy: "allow",
        failure: (words) => (words.startsWith("utp") ? SILENT : CLOSED),
      });
      assert.deepStrictEqual(tried, ["any v1 plain", "tcp v1 encrypted", "utp v1 plain"]);
      assert.deepStrictEqual(timeouts, [15_000, 15_000, 2_000]);
      assert.strictEqual(outcome, CLOSED);
    }),
  );

  it.effect("tell what was said by the other kind", () =>
    Effect.gen(function* () {
      const self: PeerReason = { _tag: "Self" };
      const { outcome } = yield* trying({
        policy: "off",
        failure: (words) => (words.startsWith("utp") ? self : CLOSED),
      });
      assert.strictEqual(outcome, self);
    }),
  );

  it.effect("begin the next time with what was understood", () =>
    Effect.gen(function* () {
      const { tried } = yield* trying({
        policy: "allow",
        hashes: hybrid,
        times: 2,
        failure: (words) => (words.endsWith("v2 encrypted") ? undefined : lost({ _tag: "Reset" })),
      });
      assert.deepStrictEqual(tried.slice(3), ["tcp v2 encrypted", "any v2 encrypted"]);
    }),
  );
});
