import { describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import * as tcp from "../../../src/services/Transport/tcp.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import { transportContract } from "./contract.ts";
import type { World } from "./contract.ts";

const world = (options: tcp.TcpOptions) =>
  Effect.gen(function* () {
    const transport = yield* Effect.flatMap(Layer.build(tcp.layerWith(options)), (context) =>
      Effect.provide(Transport, context),
    );
    return {
      dialler: transport,
      listener: transport,
      at: (port) => NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, port),
    } satisfies World;
  });

describe("TCP", () => {
  transportContract(world({ adoptAccepted: true }), (title, effect) => it.live(title, () => effect));
});
describe("TCP with accepted sockets read by events", () => {
  transportContract(world({ adoptAccepted: false }), (title, effect) => it.live(title, () => effect));
});
