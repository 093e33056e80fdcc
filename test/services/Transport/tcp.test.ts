import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Layer, Scope } from "effect";
import { NetAddress } from "effect/net";
import { readFileSync } from "node:fs";
import * as Net from "node:net";
import { Worker } from "node:worker_threads";
import { TransportError } from "../../../src/schema/errors/TransportError.ts";
import * as tcp from "../../../src/services/Transport/tcp.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import { openOn } from "../../support/descriptors.ts";
import { arrivalsOf, connect, numbers, pullAll } from "./pair.ts";
import { connectionContract } from "./connectionContract.ts";
import { listenerContract } from "./listenerContract.ts";
import type { World } from "./pair.ts";

const loopback = (port: number) => NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, port);

const world = (options: tcp.TcpOptions = { adoptAccepted: true }) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(tcp.layerWith(options));
    const transport = yield* Effect.provide(Transport, context);
    return { dialler: transport, listener: transport, at: loopback } satisfies World;
  });

/** Node's handles that are at work; a paused socket is not among them. */
const activeSockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;

/** The process's open sockets, paused ones too, where the system tells. */
const openSockets = () => (process.platform === "linux" ? openOn("socket:") : activeSockets());

/** The handles that were closed are gone after the second turn: within one, closing comes after `setImmediate`. */
const closingTurns = Effect.callback<void>((resume) => {
  setImmediate(() => setImmediate(() => resume(Effect.void)));
});

/** A port of a thread that listens and then never takes a connection: the queue of two full, dials get no answer. */
const deafPort = Effect.gen(function* () {
  const worker = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Worker(
          `const { parentPort } = require("node:worker_threads");
           const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
             parentPort.postMessage(server.address().port);
             setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
           });`,
          { eval: true },
        ),
    ),
    (worker) => Effect.promise(() => worker.terminate()),
  );
  return yield* Effect.callback<number>((resume) => {
    worker.once("message", (port) => resume(Effect.succeed(port)));
  });
});

/** Dials until the queue of a deaf port is full. */
const unanswered = Effect.gen(function* () {
  const { dialler } = yield* world();
  const address = loopback(yield* deafPort);
  for (let n = 0; n < 8; n++) {
    const exit = yield* Effect.exit(dialler.dial(address, { timeout: "500 millis" }));
    if (Exit.isSuccess(exit)) continue;
    yield* closingTurns;
    return { dialler, address };
  }
  return yield* Effect.die(new Error("the deaf port answers"));
});

describe("TCP", () => {
  for (const contract of [connectionContract, listenerContract])
    contract(world(), (title, effect) => it.live(title, () => effect));

  it.live("gives up a dial after its time", () =>
    Effect.gen(function* () {
      const { dialler, address } = yield* unanswered;
      const before = openSockets();
      const error = yield* Effect.flip(Effect.scoped(dialler.dial(address, { timeout: "30 millis" })));
      assert.deepStrictEqual(error.reason, { _tag: "TimedOut", afterMillis: 30 });
      assert.include(error.message, "no answer within 0.03 s");
      assert.strictEqual(openSockets(), before);
    }),
  );

  it.live("frees the socket of a dial that is interrupted", () =>
    Effect.gen(function* () {
      const { dialler, address } = yield* unanswered;
      const before = openSockets();
      const dialling = yield* Effect.forkChild(Effect.scoped(dialler.dial(address, { timeout: "1 minute" })), {
        startImmediately: true,
      });
      yield* closingTurns;
      yield* Fiber.interrupt(dialling);
      assert.strictEqual(openSockets(), before);
    }),
  );

  it.live("leaves no socket open when the scope is left", () =>
    Effect.gen(function* () {
      const before = { open: openSockets(), active: activeSockets() };
      const scope = yield* Scope.make();
      const pulls = yield* Effect.gen(function* () {
        const { dialler, listener, at } = yield* world();
        const bound = yield* listener.listen({ port: 0 });
        const arrival = yield* arrivalsOf(bound);
        const dial = dialler.dial(at(bound.addresses[0].port), { timeout: "10 seconds" });
        const dialled = yield* Effect.replicateEffect(dial, 200, { concurrency: 50 });
        const arrived = yield* Effect.replicateEffect(arrival, 200);
        const accepted = yield* Effect.forEach(arrived.slice(0, 150), (incoming) => incoming.accept);
        assert.strictEqual(openSockets() - before.open, process.platform === "linux" ? 200 + 200 + 1 : 200 + 1);
        for (const connection of dialled) connection.sendUnsafe(new Uint8Array(100_000));
        return yield* Effect.forEach(accepted, (connection) =>
          Effect.flatMap(connection.receive(numbers), (pull) => Effect.forkIn(Effect.exit(pull), scope)),
        );
      }).pipe(Scope.provide(scope));
      assert.strictEqual(pulls.length, 150);
      yield* Scope.close(scope, Exit.void);
      yield* closingTurns;
      assert.deepStrictEqual({ open: openSockets(), active: activeSockets() }, before);
    }),
  );

  it.live("listens on IPv4 and IPv6 with one port, and shows IPv4 peers as such", () =>
    Effect.gen(function* () {
      const { dialler, listener } = yield* world();
      const bound = yield* listener.listen({ port: 0 });
      const { port } = bound.addresses[0];
      assert.strictEqual(String(bound.addresses[0]), `0.0.0.0:${port}`);
      const arrival = yield* arrivalsOf(bound);
      yield* dialler.dial(loopback(port), { timeout: "10 seconds", from: NetAddress.ipFromStringUnsafe("127.0.0.2") });
      assert.include(String((yield* arrival).remote), "127.0.0.2:");
      // without IPv6 there is one address, and nothing more to see
      if (bound.addresses.length === 1) return;
      const six = NetAddress.inetAddressUnsafe(NetAddress.ipv6Loopback, port);
      yield* dialler.dial(six, { timeout: "10 seconds" });
      assert.include(String((yield* arrival).remote), "[::1]:");
    }),
  );

  it.live.skipIf(process.platform !== "linux")(
    "has the system ask for those who will say nothing, and for no others",
    () =>
      Effect.gen(function* () {
        const { dialler, listener } = yield* world();
        const { addresses } = yield* listener.listen({ port: 0, address: NetAddress.ipv4Loopback });
        const shown = ({ port }: NetAddress.InetAddress): string =>
          `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
        /** Which of the timers of the kernel runs for our end of a connection that is there (01), not for one that had its port before; 2 is that of keep-alive. */
        const timerOf = (local: NetAddress.InetAddress): string | undefined => {
          const line = readFileSync("/proc/net/tcp", "utf8")
            .split("\n")
            .find((entry) => entry.includes(`: ${shown(local)} ${shown(addresses[0])} 01 `));
          return line?.trim().split(/\s+/)[5]?.slice(0, 2);
        };
        const talking = yield* dialler.dial(addresses[0], { timeout: "10 seconds" });
        const silent = yield* dialler.dial(addresses[0], { timeout: "10 seconds", silent: true });
        assert.deepStrictEqual([timerOf(talking.local), timerOf(silent.local)], ["00", "02"]);
      }),
  );

  it.live("dials an IPv4-mapped address as IPv4", () =>
    Effect.gen(function* () {
      const { dialler, listener } = yield* world();
      const { addresses } = yield* listener.listen({ port: 0, address: NetAddress.ipv4Loopback });
      const mapped = NetAddress.inetAddressUnsafe(NetAddress.toIpv4Mapped(NetAddress.ipv4Loopback), addresses[0].port);
      const { remote } = yield* dialler.dial(mapped, { timeout: "10 seconds" });
      assert.strictEqual(String(remote), String(addresses[0]));
    }),
  );

  it.live("closes what arrives while 128 wait", () =>
    Effect.gen(function* () {
      const { dialler, listener, at } = yield* world();
      const bound = yield* listener.listen({ port: 0 });
      const dial = dialler.dial(at(bound.addresses[0].port), { timeout: "10 seconds" });
      const dialled = yield* Effect.replicateEffect(dial, 130);
      // the last two are the ones that are closed
      for (const connection of dialled.slice(128))
        assert.strictEqual((yield* Effect.flip(connection.read(1))).reason._tag, "Closed");
      const arrival = yield* arrivalsOf(bound);
      const taken = yield* Effect.replicateEffect(
        Effect.map(arrival, ({ remote }) => remote.port),
        128,
      );
      assert.deepStrictEqual(
        taken,
        dialled.slice(0, 128).map(({ local }) => local.port),
      );
    }),
  );

  it.live("refuses to read more than 64 KiB at once", () =>
    Effect.gen(function* () {
      const { accepted } = yield* Effect.flatMap(world(), connect);
      assert.isTrue(Exit.hasDies(yield* Effect.exit(accepted.read(65_537))));
    }),
  );
});

for (const adoptAccepted of [true, false])
  describe(`TCP with a peer of its own mind, ${adoptAccepted ? "adopted" : "read by events"}`, () => {
    /** The accepted end of a connection that `Net` dialled, and the other end. */
    const fromOutside = Effect.gen(function* () {
      const { listener } = yield* world({ adoptAccepted });
      const bound = yield* listener.listen({ port: 0, address: NetAddress.ipv4Loopback });
      const outside = yield* Effect.acquireRelease(
        Effect.sync(() => Net.connect({ port: bound.addresses[0].port, host: "127.0.0.1", allowHalfOpen: true })),
        (socket) => Effect.sync(() => socket.destroy()),
      );
      const arrival = yield* arrivalsOf(bound);
      const accepted = yield* Effect.flatMap(arrival, (incoming) => incoming.accept);
      return { outside, pull: yield* accepted.receive(numbers) };
    });
    const eventOf = (socket: Net.Socket, event: "end") =>
      Effect.callback<void>((resume) => {
        socket.resume().once(event, () => resume(Effect.void));
      });

    it.live("takes a half-closed stream for an ended one", () =>
      Effect.gen(function* () {
        const { outside, pull } = yield* fromOutside;
        outside.end(Uint8Array.of(1, 2, 3));
        assert.deepStrictEqual(yield* pullAll(pull), { all: [1, 2, 3], error: undefined });
        yield* eventOf(outside, "end");
      }),
    );

    it.live("fails with Reset when the peer resets", () =>
      Effect.gen(function* () {
        const { outside, pull } = yield* fromOutside;
        outside.write(Uint8Array.of(1));
        assert.deepStrictEqual([...(yield* pull)], [1]);
        outside.resetAndDestroy();
        const { error } = yield* pullAll(pull);
        assert.isTrue(error instanceof TransportError && error.reason._tag === "Reset");
      }),
    );
  });

describe("TCP with accepted sockets read by events", () => {
  for (const contract of [connectionContract, listenerContract])
    contract(world({ adoptAccepted: false }), (title, effect) => it.live(title, () => effect));
});
