import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { NetAddress } from "effect/net";
import {
  decodeRelayed,
  type Destination,
  encodeRelayed,
  negotiate,
  parseProxy,
  type Proxy,
  type Wish,
} from "../../src/schema/socks5.ts";

const proxy: Proxy = { host: "p", port: 1080 };
const user = { name: "me", password: "secret" };

/** Plays the proxy by `answers`; gives what was sent, and how it ended. */
const play = (answers: ReadonlyArray<ReadonlyArray<number>>, from: Proxy, to: Destination | Wish) => {
  const steps = negotiate(from, "_tag" in to ? to : { _tag: "Connect", to });
  const sent: Array<Array<number>> = [];
  let step = steps.next(new Uint8Array(0));
  for (const answer of answers) {
    if (step.done === true) break;
    assert.strictEqual(answer.length, step.value.read);
    sent.push([...step.value.send]);
    step = steps.next(Uint8Array.from(answer));
  }
  return {
    sent,
    end: step.done !== true ? "unfinished" : typeof step.value === "string" ? step.value : "open",
    bound: step.done ? step.value : undefined,
  };
};

const HELLO = [5, 0];
const OPEN4 = [
  [5, 0, 0, 1, 9],
  [9, 9, 9, 1, 1],
];

describe("socks5", () => {
  it("names the destination, so that the proxy looks it up", () => {
    const { end, sent } = play([HELLO, ...OPEN4], proxy, { host: "a.test", port: 258 });
    assert.strictEqual(end, "open");
    assert.deepStrictEqual(sent.slice(0, 2), [
      [5, 1, 0],
      [5, 1, 0, 3, 6, ...new TextEncoder().encode("a.test"), 1, 2],
    ]);
  });

  it("takes addresses of both families as they are", () => {
    const v4 = play([HELLO, ...OPEN4], proxy, { host: NetAddress.ipv4Loopback, port: 80 });
    assert.deepStrictEqual(v4.sent[1], [5, 1, 0, 1, 127, 0, 0, 1, 0, 80]);
    const open6 = [[5, 0, 0, 4, 0], Array.from({ length: 17 }, () => 0)];
    const v6 = play([HELLO, ...open6], proxy, { host: NetAddress.ipFromStringUnsafe("::1"), port: 80 });
    assert.deepStrictEqual(v6.sent[1], [5, 1, 0, 4, ...Array.from({ length: 15 }, () => 0), 1, 0, 80]);
    assert.strictEqual(v6.end, "open");
  });

  it("asks for a relay of UDP without saying where from, and reads where it is", () => {
    const { bound, sent } = play([HELLO, [5, 0, 0, 1, 10], [0, 0, 7, 4, 1]], proxy, { _tag: "RelayUdp" });
    assert.deepStrictEqual(sent[1], [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert.deepStrictEqual(bound, { host: NetAddress.ipFromStringUnsafe("10.0.0.7"), port: 1025 });
    assert.strictEqual(
      play([HELLO, [5, 7, 0, 1, 0]], proxy, { _tag: "RelayUdp" }).end,
      "it says: command not supported",
    );
  });

  it("packs what is relayed behind its destination, and unpacks what comes back", () => {
    const payload = Uint8Array.of(7, 8);
    assert.deepStrictEqual(
      [...encodeRelayed({ host: "a.b", port: 258 }, payload)],
      [0, 0, 0, 3, 3, 97, 46, 98, 1, 2, 7, 8],
    );
    for (const at of ["1.2.3.4:5", "[2001:db8::1]:6881"]) {
      const from = NetAddress.inetAddressFromStringUnsafe(at);
      const back = decodeRelayed(encodeRelayed({ host: from.address, port: from.port }, payload));
      assert.strictEqual(back && NetAddress.formatInet(back.from), at);
      assert.deepStrictEqual(back && [...back.payload], [7, 8]);
    }
  });

  it("takes no fragments, no names, no port 0 and nothing that is cut short", () => {
    const good = [0, 0, 0, 1, 1, 2, 3, 4, 0, 5];
    assert.isDefined(decodeRelayed(Uint8Array.from(good)));
    for (const [at, byte] of [
      [0, 1],
      [2, 1],
      [3, 3],
      [3, 9],
      [9, 0],
    ] as const)
      assert.isUndefined(decodeRelayed(Uint8Array.from(good.with(at, byte))), `${at}`);
    assert.isUndefined(decodeRelayed(Uint8Array.from(good.slice(0, 9))));
    assert.isUndefined(decodeRelayed(Uint8Array.from(good.with(3, 4))));
  });

  it("logs in where that is wanted", () => {
    const { end, sent } = play([[5, 2], [1, 0], ...OPEN4], { ...proxy, user }, { host: "h", port: 1 });
    assert.deepStrictEqual(sent[1], [1, 2, 109, 101, 6, 115, 101, 99, 114, 101, 116]);
    assert.strictEqual(end, "open");
  });

  it("says why it is refused", () => {
    const to = { host: "h", port: 1 };
    assert.strictEqual(
      play(
        [
          [5, 2],
          [1, 1],
        ],
        { ...proxy, user },
        to,
      ).end,
      "it refuses the user name and password",
    );
    assert.strictEqual(play([[5, 255]], proxy, to).end, "it wants another way to log in");
    assert.strictEqual(play([[5, 2]], proxy, to).end, "it wants another way to log in");
    assert.strictEqual(play([[72, 84]], proxy, to).end, "it is no SOCKS5 proxy");
    assert.strictEqual(play([HELLO, [5, 5, 0, 1, 0]], proxy, to).end, "it says: connection refused");
    assert.strictEqual(play([HELLO, [5, 77, 0, 1, 0]], proxy, to).end, "it says: failure 77");
    assert.strictEqual(play([HELLO, [5, 0, 0, 9, 0]], proxy, to).end, "it is no SOCKS5 proxy");
  });

  it("reads the URL of a proxy, and nothing else", () => {
    assert.deepStrictEqual(parseProxy("socks5://127.0.0.1:1080"), { host: "127.0.0.1", port: 1080 });
    assert.deepStrictEqual(parseProxy("socks5://m%40e:p%3Aw@[::1]:9/"), {
      host: "::1",
      port: 9,
      user: { name: "m@e", password: "p:w" },
    });
    for (const bad of ["", "socks5://h", "http://h:1", "socks5://h:1/x", "socks5://:1", "socks4://h:1", "socks5://%:1"])
      assert.isUndefined(parseProxy(bad), bad);
  });

  it.prop(
    "never throws nor goes on for long, whatever the proxy says",
    [Schema.Uint8Array, Schema.String],
    ([bytes, text]) => {
      const steps = negotiate({ ...proxy, user }, { _tag: "Connect", to: { host: text, port: 1 } });
      let step = steps.next(new Uint8Array(0));
      let count = 0;
      for (; step.done !== true; count++) {
        assert.isAtMost(step.value.read, 257);
        const answer = new Uint8Array(step.value.read);
        answer.set(bytes.subarray(0, step.value.read));
        step = steps.next(answer);
      }
      assert.isAtMost(count, 4);
      decodeRelayed(bytes);
      decodeRelayed(Uint8Array.of(0, 0, 0, 1, ...bytes));
      parseProxy(text);
      parseProxy(`socks5://${text}:1`);
    },
  );
});
