import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Exit, Fiber, Layer, Random, Schema } from "effect";
import { NetAddress } from "effect/net";
import { decodeUtp, encodeUtp, makeUtpPacket, UtpType } from "../../../../src/schema/utp.ts";
import { Datagrams } from "../../../../src/services/Datagrams/Datagrams.ts";
import * as MemoryNetwork from "../../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { driven, drivenTest as test } from "../driven.ts";
import { connect, copies, pattern, pullAll } from "../pair.ts";
import { hostOf, type Spoil, twoHosts } from "./worlds.ts";

describe("uTP against forged packets", () => {
  const Byte = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })));

  it.effect.prop(
    "bears arbitrary packets in the middle of a connection from its own address",
    {
      seed: Schema.Int,
      forged: Schema.Array(
        Schema.Struct({
          type: Schema.Literals([UtpType.Data, UtpType.Fin, UtpType.State, UtpType.Syn]),
          seq: Byte,
          ack: Byte,
          id: Schema.Literals([-1, 0, 1]),
          rest: Schema.Array(Byte),
        }),
      ).pipe(Schema.check(Schema.isMaxLength(30))),
    },
    ({ seed, forged }) =>
      Effect.gen(function* () {
        const packet = makeUtpPacket();
        let connectionId = 0;
        const spied: Spoil = (below) => ({
          ...below,
          sendUnsafe: (to, bytes) => {
            if (decodeUtp(bytes, packet)) connectionId = packet.connectionId;
            below.sendUnsafe(to, bytes);
          },
        });
        const { one, other, world } = yield* twoHosts({ latency: "5 millis" }, spied);
        const { dialled, accepted } = yield* connect(world);
        const receiving = yield* Effect.forkChild(
          Effect.flatMap(accepted.receive(copies), (pull) => pullAll(pull)),
          { startImmediately: true },
        );
        for (const { type, seq, ack, id, rest } of forged) {
          dialled.sendUnsafe(pattern(50));
          const header = encodeUtp({
            type,
            connectionId: (connectionId + id) & 0xffff,
            timestamp: seq << 24,
            timestampDifference: ack << 24,
            window: ack << 16,
            seq,
            ack: (ack << 8) | seq,
          });
          one.datagrams.sendUnsafe(other.address, Uint8Array.from([...header, ...rest]));
          yield* Effect.sleep(10);
        }
        yield* Fiber.interrupt(receiving);
        // whatever it did to the connection: a new one works as if nothing had been
        const exit = yield* Effect.exit(one.utp.dial(other.address, { timeout: "5 seconds" }));
        assert.isTrue(Exit.isSuccess(exit));
      }).pipe(Effect.scoped, driven, Random.withSeed(seed)),
    { arbitrary: { runs: 60 } },
  );

  test(
    "answers what it does not know with a reset, but never a reset",
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make();
      const other = yield* hostOf(network, "10.0.0.2");
      const stranger = Context.get(yield* Layer.build(network.host("10.0.0.3")), Datagrams);
      const answers: Array<[UtpType, number, number]> = [];
      const packet = makeUtpPacket();
      yield* stranger.receive((bytes) => {
        if (decodeUtp(bytes, packet)) answers.push([packet.type, packet.connectionId, packet.ack]);
        return true;
      });
      for (const type of [UtpType.Data, UtpType.Fin, UtpType.State, UtpType.Syn, UtpType.Reset])
        stranger.sendUnsafe(
          other.address,
          encodeUtp({ type, connectionId: 77, timestamp: 0, timestampDifference: 0, window: 0, seq: type, ack: 6 }),
        );
      yield* Effect.sleep(1);
      assert.deepStrictEqual(
        answers,
        [UtpType.Data, UtpType.Fin, UtpType.State, UtpType.Syn].map((type) => [UtpType.Reset, 77, type]),
      );
    }),
  );

  test(
    "takes a flood of dials from forged addresses without forgetting how to accept",
    Effect.gen(function* () {
      const { one, other, world } = yield* twoHosts({ latency: "1 millis" });
      const syn = (connectionId: number) =>
        encodeUtp({
          type: UtpType.Syn,
          connectionId: connectionId & 0xffff,
          timestamp: 1,
          timestampDifference: 0,
          window: 100,
          seq: 1,
          ack: 0,
        });
      const { dialled, accepted } = yield* connect(world);
      for (let id = 0; id < 5_000; id++) one.datagrams.sendUnsafe(other.address, syn(id * 3));
      dialled.sendUnsafe(Uint8Array.of(1));
      assert.deepStrictEqual([...(yield* accepted.read(1))], [1]);
      const again = yield* one.utp.dial(other.address, { timeout: "5 seconds" });
      assert.strictEqual(again.kind, "utp");
      assert.isTrue(NetAddress.isInetAddress(again.local));
    }),
  );
});
