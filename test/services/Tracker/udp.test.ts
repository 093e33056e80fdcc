import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber, Layer, Option } from "effect";
import { Dns, NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { createSocket } from "node:dgram";
import * as InfoHash from "../../../src/schema/infoHash.ts";
import type { AnnounceRequest } from "../../../src/schema/tracker.ts";
import { decodeRequest, encodeAnswer, type UdpAnswer, type UdpRequest } from "../../../src/schema/trackerUdp.ts";
import { DatagramError, Datagrams, type Receiver } from "../../../src/services/Datagrams/Datagrams.ts";
import { layer as datagramsLayer } from "../../../src/services/Datagrams/node.ts";
import { layer as dnsLayer } from "../../../src/services/Dns/node.ts";
import { layer as trackerLayer } from "../../../src/services/Tracker/live.ts";
import { Tracker } from "../../../src/services/Tracker/Tracker.ts";
import { makeUdp } from "../../../src/services/Tracker/udp.ts";

const request: AnnounceRequest = {
  infoHash: Option.getOrThrow(InfoHash.fromBytes(new Uint8Array(20).fill(9))),
  peerId: new Uint8Array(20).fill(0x41),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  event: "started",
  numwant: 50,
  key: 4,
};
const address = NetAddress.inetAddressFromStringUnsafe;
const V4 = address("192.0.2.7:6969");
const V6 = address("[2001:db8::7]:6969");
const peer = address("1.2.3.4:5");
const peer6 = address("[2001:db8::9]:5");
const answered = { peers: [peer], interval: 900, leechers: 1, seeders: 2 };

/** A request as the scripted tracker sees it. */
interface Arrival {
  readonly at: number;
  readonly to: NetAddress.InetAddress;
  readonly request: UdpRequest;
}

/** What comes back: from whom, and with which transaction (the request's own by default). */
type Reply = { readonly answer: UdpAnswer; readonly from?: NetAddress.InetAddress } | undefined;

/** A tracker that does all as it should; `id` is the connection id it gives and wants. */
const honest = (request: UdpRequest, id = 77n): UdpAnswer => {
  const { transactionId } = request;
  if (request._tag === "Connect") return { _tag: "Connected", transactionId, connectionId: id };
  if (request.connectionId !== id) return { _tag: "Error", transactionId, text: "Connection ID mismatch." };
  return { _tag: "Announced", transactionId, response: { ...answered, peers: [peer, peer6] } };
};

/** The shared port with a scripted tracker behind it; answers come at once. */
const scripted = (reply: (arrival: Arrival) => Reply) => {
  const arrivals: Array<Arrival> = [];
  let receiver: Receiver = () => false;
  const datagrams = Layer.succeed(Datagrams, {
    addresses: [address("0.0.0.0:1"), address("[::]:1")],
    receive: (given) => Effect.sync(() => void (receiver = given)),
    sendUnsafe: () => {},
    send: (to, bytes) =>
      Effect.gen(function* () {
        const request = decodeRequest(bytes);
        assert.isDefined(request);
        if (request === undefined) return;
        const arrival = { at: (yield* Clock.currentTimeMillis) / 1000, to, request };
        arrivals.push(arrival);
        const back = reply(arrival);
        const from = back?.from ?? to;
        if (back !== undefined) receiver(encodeAnswer(back.answer, NetAddress.familyOf(from)), from);
      }),
  });
  return { arrivals, layer: datagrams };
};

const noNames = Dns.layerStatic({
  hosts: { "t.example": ["192.0.2.7", "2001:db8::7", "192.0.2.8"], "six.example": ["2001:db8::7"] },
});

/** Runs announces one after the other, `after` seconds apart; what does not come at once is waited for with the test clock. */
const announcing = (reply: (arrival: Arrival) => Reply, urls: ReadonlyArray<string>, after = 0) => {
  const { arrivals, layer } = scripted(reply);
  return Effect.gen(function* () {
    const { announce } = yield* makeUdp;
    const fiber = yield* Effect.forkChild(
      Effect.forEach(urls, (url, index) =>
        Effect.delay(Effect.result(announce(url, request)), index === 0 ? 0 : after * 1000),
      ),
    );
    yield* TestClock.adjust("10 minutes");
    const results = (yield* Fiber.join(fiber)).map((result) =>
      result._tag === "Success" ? result.success : result.failure,
    );
    return { results, arrivals, seen: arrivals.map(({ at, request }) => [at, request._tag]) };
  }).pipe(Effect.provide([layer, noNames]));
};
const LITERAL = "udp://192.0.2.7:6969/announce?key=x";

describe("Tracker, UDP", () => {
  it.effect("connects, announces with the URL's path, and reads the answer", () =>
    Effect.gen(function* () {
      const { results, arrivals } = yield* announcing(({ request }) => ({ answer: honest(request) }), [LITERAL]);
      assert.deepStrictEqual(results, [answered]);
      const announce = arrivals[1]?.request;
      assert.deepInclude(announce, { _tag: "Announce", connectionId: 77n, urlData: "/announce?key=x", request });
      assert.deepStrictEqual(
        arrivals.map(({ to }) => to),
        [V4, V4],
      );
    }),
  );

  it.effect("asks one address of each family, and reads peers by the family of the source", () =>
    Effect.gen(function* () {
      const { results, arrivals } = yield* announcing(
        ({ request }) => ({ answer: honest(request) }),
        ["udp://t.example:6969", "udp://six.example:6969"],
      );
      assert.deepStrictEqual(results, [
        { ...answered, peers: [peer, peer6] },
        { ...answered, peers: [peer6] },
      ]);
      assert.sameDeepMembers(
        arrivals.slice(0, 4).map(({ to }) => to),
        [V4, V4, V6, V6],
      );
    }),
  );

  it.effect("uses a connection id for a minute and then asks for another", () =>
    Effect.gen(function* () {
      const reply = ({ request }: Arrival) => ({ answer: honest(request) });
      const { seen } = yield* announcing(reply, [LITERAL, LITERAL, LITERAL], 31);
      assert.deepStrictEqual(seen, [
        [0, "Connect"],
        [0, "Announce"],
        [31, "Announce"],
        [62, "Connect"],
        [62, "Announce"],
      ]);
    }),
  );

  it.effect("asks for another id when the one it kept is refused", () =>
    Effect.gen(function* () {
      const reply = ({ at, request }: Arrival) => ({ answer: honest(request, at < 5 ? 77n : 78n) });
      const { results, seen } = yield* announcing(reply, [LITERAL, LITERAL], 5);
      assert.deepStrictEqual(results, [answered, answered]);
      assert.deepStrictEqual(seen.slice(2), [
        [5, "Announce"],
        [5, "Connect"],
        [5, "Announce"],
      ]);
    }),
  );

  it.effect("gets by when every other packet is lost", () =>
    Effect.gen(function* () {
      let lost = 0;
      const lossy = ({ request }: Arrival) => (lost++ % 2 === 0 ? undefined : { answer: honest(request) });
      const second = yield* announcing(lossy, [LITERAL]);
      assert.deepStrictEqual(second.results, [answered]);
      assert.deepStrictEqual(second.seen, [
        [0, "Connect"],
        [3, "Connect"],
        [3, "Announce"],
        [6, "Announce"],
      ]);
    }),
  );

  it.effect("sends what is not answered again after 3, 6 and 12 seconds, then gives up", () =>
    Effect.gen(function* () {
      const dead = yield* announcing(() => undefined, [LITERAL]);
      assert.deepStrictEqual(dead.results, [{ _tag: "TimedOut" }]);
      assert.deepStrictEqual(
        dead.seen,
        [0, 3, 9].map((at) => [at, "Connect"]),
      );
    }),
  );

  it.effect("spends 30 seconds at the most on one announce", () =>
    Effect.gen(function* () {
      const reply = ({ request }: Arrival) =>
        request._tag === "Connect" && request.transactionId % 2 === 0 ? { answer: honest(request) } : undefined;
      const { layer, arrivals } = scripted(reply);
      yield* Effect.gen(function* () {
        const { announce } = yield* makeUdp;
        const fiber = yield* Effect.forkChild(Effect.flip(announce(LITERAL, request)));
        yield* TestClock.adjust("30 seconds");
        assert.deepStrictEqual(yield* Fiber.join(fiber), { _tag: "TimedOut" });
        assert.isTrue(arrivals.every(({ at }) => at < 30));
      }).pipe(Effect.provide([layer, noNames]));
    }),
  );

  it.effect("ignores answers of another transaction or from another address", () =>
    Effect.gen(function* () {
      const strange = (change: (answer: UdpAnswer, arrival: Arrival) => Reply) =>
        announcing((arrival) => change(honest(arrival.request), arrival), [LITERAL]);
      const wrongId = yield* strange((answer) => ({ answer: { ...answer, transactionId: answer.transactionId ^ 1 } }));
      const wrongPort = yield* strange((answer) => ({ answer, from: address("192.0.2.7:6970") }));
      const wrongHost = yield* strange((answer) => ({ answer, from: address("192.0.2.8:6969") }));
      for (const { results } of [wrongId, wrongPort, wrongHost])
        assert.deepStrictEqual(results, [{ _tag: "TimedOut" }]);
    }),
  );

  it.effect("hands on the tracker's error, and says when an answer makes no sense", () =>
    Effect.gen(function* () {
      const error = yield* announcing(
        ({ request }) => ({
          answer:
            request._tag === "Connect"
              ? honest(request)
              : { _tag: "Error", transactionId: request.transactionId, text: "not authorized" },
        }),
        [LITERAL],
      );
      assert.deepStrictEqual(error.results, [{ _tag: "Rejected", text: "not authorized" }]);
      const confused = yield* announcing(
        ({ request: { transactionId } }) => ({ answer: { _tag: "Announced", transactionId, response: answered } }),
        [LITERAL],
      );
      assert.deepStrictEqual(confused.results, [
        { _tag: "Malformed", why: "it answers a connect with something else" },
      ]);
    }),
  );

  it.effect("fails at once for names and URLs that lead nowhere, and when nothing can be sent", () =>
    Effect.gen(function* () {
      const { results, arrivals } = yield* announcing(() => undefined, ["udp://no.example:1", "udp://192.0.2.7"]);
      assert.deepStrictEqual(results[0], { _tag: "UnknownHost", host: "no.example" });
      assert.deepInclude(results[1], { _tag: "Unreachable" });
      assert.deepStrictEqual(arrivals, []);
      const error = new DatagramError({ address: "192.0.2.7:6969", reason: { _tag: "Unreachable" } });
      const broken = Layer.succeed(Datagrams, {
        addresses: [address("0.0.0.0:1")],
        receive: () => Effect.void,
        send: () => Effect.fail(error),
        sendUnsafe: () => {},
      });
      const failures = yield* Effect.gen(function* () {
        const { announce } = yield* makeUdp;
        return yield* Effect.forEach([LITERAL, "udp://six.example:1"], (url) => Effect.flip(announce(url, request)));
      }).pipe(Effect.provide([broken, noNames]));
      assert.deepStrictEqual(failures[0], { _tag: "Unreachable", cause: error });
      assert.deepInclude(failures[1], { _tag: "Unreachable" });
    }),
  );
});

describe("Tracker, live", () => {
  const live = trackerLayer.pipe(Layer.provide([datagramsLayer({ port: 0 }), dnsLayer]));

  it.live("speaks with a UDP tracker over a real socket", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createSocket>>((resume) => {
          const socket = createSocket("udp4");
          socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)));
        }),
        (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void))),
      );
      server.on("message", (bytes, from) => {
        const request = decodeRequest(bytes);
        if (request !== undefined) server.send(encodeAnswer(honest(request), "IPv4"), from.port, from.address);
      });
      const url = `udp://127.0.0.1:${server.address().port}/announce`;
      assert.deepStrictEqual(yield* Tracker.use((tracker) => tracker.announce(url, request)), answered);
    }).pipe(Effect.provide(live)),
  );

  it.live("names the URL in its errors and refuses kinds that it does not know", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Tracker.use((tracker) => tracker.announce("wss://t.example", request)));
      assert.deepStrictEqual([error.code, error.url], ["tracker.unsupported", "wss://t.example"]);
      assert.strictEqual(error.message, "wss://t.example: trackers of the kind wss are not supported");
      const odd = yield* Effect.flip(Tracker.use((tracker) => tracker.announce("tracker", request)));
      assert.deepStrictEqual(odd.reason, { _tag: "Unsupported", scheme: "unknown" });
    }).pipe(Effect.provide(live)),
  );
});
