import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Layer, Option, Queue, Result, Stream } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { decodeUtHolepunch, encodeUtHolepunch, type HolepunchMessage } from "../../src/schema/utHolepunch.ts";
import { TransportError } from "../../src/schema/errors/TransportError.ts";
import { PexFlag } from "../../src/schema/utPex.ts";
import * as MemoryNetwork from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import * as Nat from "../../src/services/MemoryNetwork/nat.ts";
import * as Dual from "../../src/services/Transport/dual.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import * as Utp from "../../src/services/Transport/utp.ts";
import { type Holepunch, makeHolepunch } from "../../src/streams/holepunch.ts";
import { type ClientOptions, makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const at = NetAddress.inetAddressFromStringUnsafe;

/** A conversation with somebody, and what was said in it. */
const partyAt = (holepunch: Holepunch, address: string, options: { kind?: "tcp" | "utp"; listens?: string } = {}) => {
  const said: Array<HolepunchMessage> = [];
  const { listens, kind = "utp" } = options;
  const peer = holepunch.join({
    connection: { remote: at(address), kind },
    contact: () => (listens === undefined ? undefined : { address: at(listens), flags: 0 }),
    say: (id, payload) => {
      assert.strictEqual(id, 9);
      said.push(Option.getOrThrow(Result.getOrThrow(decodeUtHolepunch(payload))));
    },
  });
  const greet = () => peer.greeted({ messages: new Map([["ut_holepunch", 9]]) });
  const says = (message: HolepunchMessage, now = 0) => peer.received(encodeUtHolepunch(message), now);
  return { peer, said, greet, says };
};

const make = (isUsed = true) => makeHolepunch({ isUsed: () => isUsed });

/** Who is to be dialled by now. */
const dialsOf = (holepunch: Holepunch) =>
  Effect.gen(function* () {
    const queue = yield* Stream.toQueue(holepunch.dials, { capacity: "unbounded" });
    yield* Effect.yieldNow;
    yield* Effect.yieldNow;
    return (yield* Queue.clear(queue)).map(NetAddress.formatInet);
  }).pipe(Effect.scoped);

describe("holepunch, as a relay", () => {
  it.effect("tells both sides where the other one is", () =>
    Effect.gen(function* () {
      const holepunch = yield* make();
      const asker = partyAt(holepunch, "198.51.100.1:1000");
      const target = partyAt(holepunch, "198.51.100.2:2000", { kind: "tcp", listens: "198.51.100.2:6881" });
      for (const party of [asker, target]) party.greet();
      asker.says({ _tag: "Rendezvous", address: at("198.51.100.2:6881") });
      assert.deepStrictEqual(asker.said, [{ _tag: "Connect", address: at("198.51.100.2:6881") }]);
      assert.deepStrictEqual(target.said, [{ _tag: "Connect", address: at("198.51.100.1:1000") }]);
    }),
  );

  it.effect("says why it cannot help", () =>
    Effect.gen(function* () {
      const holepunch = yield* make();
      const asker = partyAt(holepunch, "198.51.100.1:1000");
      asker.greet();
      const deaf = partyAt(holepunch, "198.51.100.3:3000");
      const gone = partyAt(holepunch, "198.51.100.4:4000");
      gone.greet();
      gone.peer.close();
      for (const address of ["198.51.100.4:4000", "198.51.100.3:3000", "198.51.100.1:1000"])
        asker.says({ _tag: "Rendezvous", address: at(address) });
      assert.deepStrictEqual(
        asker.said.map((message) => message._tag === "Error" && message.error),
        ["NotConnected", "NoSupport", "NoSelf"],
      );
      assert.deepStrictEqual([...deaf.said, ...gone.said], []);
    }),
  );

  it.effect("helps one peer so many times a minute and no more", () =>
    Effect.gen(function* () {
      const holepunch = yield* make();
      const asker = partyAt(holepunch, "198.51.100.1:1000");
      const target = partyAt(holepunch, "198.51.100.2:2000");
      for (const party of [asker, target]) party.greet();
      const ask = (now: number) => asker.says({ _tag: "Rendezvous", address: at("198.51.100.2:2000") }, now);
      for (let n = 0; n < 100; n++) ask(n);
      assert.strictEqual(target.said.length, 12);
      ask(70_000);
      assert.strictEqual(target.said.length, 13);
    }),
  );

  it.effect("does nothing at all in a private torrent", () =>
    Effect.gen(function* () {
      const holepunch = yield* make(false);
      const asker = partyAt(holepunch, "198.51.100.1:1000");
      const target = partyAt(holepunch, "198.51.100.2:2000");
      for (const party of [asker, target]) party.greet();
      asker.says({ _tag: "Rendezvous", address: at("198.51.100.2:2000") });
      asker.says({ _tag: "Connect", address: at("198.51.100.9:9") });
      assert.deepStrictEqual([...asker.said, ...target.said], []);
      assert.deepStrictEqual(yield* dialsOf(holepunch), []);
    }),
  );
});

describe("holepunch, as one of the two", () => {
  it.effect("asks the peer that named one, once in a while, where both understand it", () =>
    Effect.gen(function* () {
      const holepunch = yield* make();
      const relay = partyAt(holepunch, "192.0.2.1:1");
      const candidate = (address: string, flags: number = PexFlag.holepunch, by = "192.0.2.1:1") =>
        ({ address: at(address), source: "pex", pex: { flags, relay: at(by) } }) as const;
      holepunch.unreachable(candidate("198.51.100.2:2"), 0);
      assert.deepStrictEqual(relay.said, []);
      relay.greet();
      holepunch.unreachable(candidate("198.51.100.2:2"), 0);
      holepunch.unreachable(candidate("198.51.100.2:2"), 1_000);
      holepunch.unreachable(candidate("198.51.100.3:3", 0), 0);
      holepunch.unreachable(candidate("198.51.100.4:4", PexFlag.holepunch, "192.0.2.2:2"), 0);
      holepunch.unreachable({ address: at("198.51.100.5:5"), source: "tracker" }, 0);
      assert.deepStrictEqual(relay.said, [{ _tag: "Rendezvous", address: at("198.51.100.2:2") }]);
      holepunch.unreachable(candidate("198.51.100.2:2"), 31_000);
      assert.strictEqual(relay.said.length, 2);
    }),
  );

  it.effect("dials whom it is told to, if that is nobody it knows and no private address", () =>
    Effect.gen(function* () {
      const holepunch = yield* make();
      const relay = partyAt(holepunch, "192.0.2.1:1");
      partyAt(holepunch, "198.51.100.7:7");
      for (const address of [
        "198.51.100.2:2",
        "198.51.100.2:2",
        "198.51.100.7:7",
        "198.51.100.3:0",
        "10.0.0.1:10",
        "127.0.0.1:10",
        "255.255.255.255:10",
        "[2001:db8::1]:10",
      ])
        relay.says({ _tag: "Connect", address: at(address) });
      assert.deepStrictEqual(yield* dialsOf(holepunch), ["198.51.100.2:2", "[2001:db8::1]:10"]);
    }),
  );

  it.effect("lets one peer have but a few addresses dialled", () =>
    Effect.gen(function* () {
      const holepunch = yield* make();
      const relay = partyAt(holepunch, "192.0.2.1:1");
      for (let n = 1; n < 200; n++) relay.says({ _tag: "Connect", address: at(`198.51.100.${n}:7`) });
      assert.strictEqual((yield* dialsOf(holepunch)).length, 12);
    }),
  );

  it.effect("parts from one who sends nonsense", () =>
    Effect.gen(function* () {
      const relay = partyAt(yield* make(), "192.0.2.1:1");
      assert.strictEqual(relay.peer.received(Uint8Array.of(1, 2, 3), 0)?._tag, "BadExtension");
    }),
  );
});

/** Dials nobody but who is at `address`, unless it is told to: else two that hear of each other at once could meet by chance. */
const homebody = (address: string) =>
  Layer.effect(
    Transport,
    Effect.map(Transport, (transport) => ({
      ...transport,
      dial: (to, options) =>
        NetAddress.formatIp(to.address) === address
          ? transport.dial(to, options)
          : Effect.fail(new TransportError({ address: String(to), reason: { _tag: "Unreachable" } })),
    })),
  );

/** TCP, here the in-memory streams, and uTP. */
const dual = Layer.unwrap(
  Effect.map(Transport, (streams) => Dual.layer(Layer.succeed(Transport, streams), Layer.fresh(Utp.layer))),
).pipe(Layer.fresh);

describe.each([
  ["IPv4", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.168.1.2"],
  // what a NAT of IPv4 does, a firewall does
  ["IPv6", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:2::1"],
])("two peers behind NATs, over %s", (_family, RELAY, SEED, LEECH, INSIDE) => {
  const NOBODY = { host: RELAY, port: 1 };

  const named = (ip: string): string => (ip.includes(":") ? `[${ip}]` : ip);

  /** A seed and a leecher that cannot be dialled, and somebody who can, has nothing yet, and may know of holes. */
  const world = Effect.fnUntraced(function* (relay: Partial<ClientOptions>) {
    // slow enough that the one in the middle is not done with it before they have met
    const network = yield* MemoryNetwork.make({ latency: "20 millis", bytesPerSecond: 50_000 });
    const fixture = makeFixture({ length: 6_000_000, pieceLength: 65_536 });
    const third = yield* makeClient({ network, address: RELAY, ...relay });
    yield* Effect.forkScoped(Stream.runDrain(third.stream(requestOf(fixture, { port: 6881, peers: [NOBODY] }))));
    const behindNat = dual.pipe(Layer.provide(Layer.fresh(Nat.layer(INSIDE))));
    const peers = [{ host: RELAY, port: 6881 }];
    const still = homebody(RELAY).pipe(Layer.provide(behindNat));
    yield* makeSeed(fixture, { network, address: SEED, transport: still }, { peers, port: 0 });
    const leech = yield* makeClient({ network, address: LEECH, transport: behindNat });
    const download = yield* watch(leech, requestOf(fixture, { peers }));
    yield* TestClock.adjust("60 seconds");
    return download;
  });

  it.effect("get through to each other by a third that both are connected to", () =>
    Effect.gen(function* () {
      const { peer, fiber } = yield* world({ transport: dual });
      assert.include(peer(named(SEED)), "connected");
      yield* Fiber.interrupt(fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("do not without", () =>
    Effect.gen(function* () {
      const { peer, fiber } = yield* world({});
      assert.notInclude(peer(named(SEED)), "connected");
      assert.include(peer(named(RELAY)), "connected");
      yield* Fiber.interrupt(fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
