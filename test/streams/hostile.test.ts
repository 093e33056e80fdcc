import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { encodeUtMetadata } from "../../src/schema/utMetadata.ts";
import { encode, pieceHeader } from "../../src/schema/wire.ts";
import type { EncodableMessage } from "../../src/schema/message.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { type FakeOptions, type FakeTalk, makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, requestOf, watch } from "../support/swarm.ts";
import { concat, frame } from "../support/wire.ts";

const HONEST = "10.0.0.1";
const HOSTILE = "10.0.0.66";
const CLIENT = "10.0.0.2";

const fixture = makeFixture({ length: 1_000_000, pieceLength: 32_768 });
const { pieceCount } = fixture.metainfo.info;
const all: EncodableMessage = { _tag: "Bitfield", bits: Bitfield.full(pieceCount) };
const seedOnce = (say: (talk: FakeTalk) => void) => (talk: FakeTalk) => {
  talk.say(all);
  say(talk);
};
const repeat = (count: number, bytes: Uint8Array): Uint8Array => concat(Array.from({ length: count }, () => bytes));

/** What a hostile peer does, and the code that it is parted from with. */
const breaches: ReadonlyArray<readonly [does: string, code: string, options: Partial<FakeOptions>]> = [
  ["talks another protocol", "peer.not-bit-torrent", { handshake: new Uint8Array(68).fill(0x47) }],
  ["is ourselves", "peer.self", { mirror: true }],
  [
    "answers for another torrent",
    "peer.wrong-torrent",
    { infoHash: makeFixture({ length: 9, pieceLength: 16_384, name: "other" }).metainfo.info.infoHash },
  ],
  ["never finishes its handshake", "peer.handshake-timed-out", { mute: true }],
  [
    "sends a bitfield that is too short",
    "peer.bad-bitfield",
    { greet: (talk) => talk.say({ _tag: "Bitfield", bits: new Uint8Array(Bitfield.byteLength(pieceCount) - 1) }) },
  ],
  [
    "sends a bitfield with spare bits",
    "peer.bad-bitfield",
    { greet: (talk) => talk.say({ _tag: "Bitfield", bits: Bitfield.full(pieceCount).fill(0xff) }) },
  ],
  ["has everything after all", "peer.late-bitfield", { greet: (talk) => talk.say(all, { _tag: "HaveAll" }) }],
  [
    "has a piece outside the torrent",
    "peer.out-of-range",
    { greet: seedOnce((talk) => talk.say({ _tag: "Have", index: pieceCount })) },
  ],
  [
    "requests a piece outside the torrent",
    "peer.out-of-range",
    { greet: seedOnce((talk) => talk.say({ _tag: "Request", index: pieceCount, begin: 0, length: 16_384 })) },
  ],
  [
    "requests bytes outside the piece",
    "peer.out-of-range",
    { greet: seedOnce((talk) => talk.say({ _tag: "Request", index: 0, begin: 32_768, length: 1 })) },
  ],
  [
    "requests nothing",
    "peer.bad-length",
    { greet: seedOnce((talk) => talk.say({ _tag: "Request", index: 0, begin: 0, length: 0 })) },
  ],
  [
    "allows a piece outside the torrent",
    "peer.out-of-range",
    { greet: seedOnce((talk) => talk.say({ _tag: "AllowedFast", index: pieceCount })) },
  ],
  [
    "suggests a piece outside the torrent",
    "peer.out-of-range",
    { greet: seedOnce((talk) => talk.say({ _tag: "Suggest", index: pieceCount })) },
  ],
  [
    "speaks fast without having agreed",
    "peer.fast-violation",
    { fast: false, greet: (talk) => talk.say({ _tag: "HaveAll" }) },
  ],
  [
    "rejects without having agreed to",
    "peer.fast-violation",
    { fast: false, greet: seedOnce((talk) => talk.say({ _tag: "Reject", index: 0, begin: 0, length: 16_384 })) },
  ],
  [
    "announces a frame of 4 GiB",
    "peer.frame-too-long",
    { greet: seedOnce((talk) => talk.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 99))) },
  ],
  [
    "announces an extended message of 16 MiB",
    "peer.frame-too-long",
    { greet: seedOnce((talk) => talk.write(Uint8Array.of(1, 0, 0, 0, 20, 0))) },
  ],
  ["sends a short have", "peer.bad-length", { greet: seedOnce((talk) => talk.write(frame(4, [0, 0]))) }],
  [
    "sends an extension handshake that is garbage",
    "peer.bad-extension",
    { extension: true, greet: seedOnce((talk) => talk.say({ _tag: "Extended", id: 0, payload: new Uint8Array(99) })) },
  ],
  [
    "answers with blocks of a wrong length",
    "peer.bad-length",
    {
      hear: (message, talk) => {
        if (message._tag !== "Request") return false;
        talk.write(concat([pieceHeader(message.index, message.begin, 5), new Uint8Array(5)]));
        return true;
      },
    },
  ],
  [
    "rejects without end",
    "peer.flood",
    {
      greet: seedOnce((talk) =>
        talk.write(repeat(5_000, encode({ _tag: "Reject", index: 0, begin: 0, length: 16_384 }))),
      ),
    },
  ],
  [
    "requests without end what it may not have",
    "peer.flood",
    {
      greet: seedOnce((talk) =>
        talk.write(repeat(5_000, encode({ _tag: "Request", index: 0, begin: 0, length: 16_384 }))),
      ),
    },
  ],
  [
    "asks for metadata without end and reads nothing",
    "peer.not-reading",
    {
      extension: true,
      deaf: true,
      greet: seedOnce((talk) => {
        const messages = new Map([["ut_metadata", 1]]);
        talk.say({ _tag: "Extended", id: 0, payload: encodeExtensionHandshake({ messages }) });
        const request = encode({ _tag: "Extended", id: 1, payload: encodeUtMetadata({ _tag: "Request", piece: 0 }) });
        talk.write(repeat(6_000, request));
      }),
    },
  ],
];

describe("a peer that", () => {
  for (const [does, code, options] of breaches) {
    it.effect(`${does} is parted from alone, as ${code}`, () =>
      Effect.gen(function* () {
        const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 100_000 });
        yield* makeFakePeer({ network, address: HONEST, fixture });
        const hostile = yield* makeFakePeer({ network, address: HOSTILE, fixture, ...options });
        const client = yield* makeClient({ network, address: CLIENT });
        const peers = [
          { host: HOSTILE, port: 6881 },
          { host: HONEST, port: 6881 },
        ];
        const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
        yield* TestClock.adjust("60 seconds");
        yield* Fiber.join(run.fiber);
        const fate = run.peer(HOSTILE).filter((state) => state !== "connected");
        assert.isAbove(fate.length, 0, "it was let go on");
        assert.deepStrictEqual([...new Set(fate)], [code]);
        assert.isAbove(hostile.accepted(), 0);
        assert.deepStrictEqual(
          run.peer(HONEST).filter((state) => state !== "connected"),
          [],
        );
        assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
  }
});
