import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Layer, Result, Stream } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { parseIpFilter } from "../../src/schema/ipFilter.ts";
import { encodeUtPex } from "../../src/schema/utPex.ts";
import { Bans } from "../../src/services/Bans.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { download } from "../../src/streams/download.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { clientLayer, makeFixture, requestOf, TRACKER } from "../support/swarm.ts";

const CLIENT = "10.0.0.2";
const at = NetAddress.inetAddressFromStringUnsafe;
const fixture = makeFixture({ length: 1_000_000, pieceLength: 32_768, tracker: TRACKER });

describe("a download with an IP filter", () => {
  for (const list of ["nobody:1.2.3.4-1.2.3.4", "them:10.0.0.64-10.0.0.127"])
    it.effect(`talks to the peers that ${list} leaves, whoever names the others, and lets none of these in`, () =>
      Effect.gen(function* () {
        const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 100_000 });
        const [named, told, comes] = yield* Effect.forEach(["10.0.0.66", "10.0.0.67", "10.0.0.68"], (address) =>
          makeFakePeer({ network, address, fixture }),
        );
        yield* makeFakePeer({
          network,
          address: "10.0.0.5",
          fixture,
          extension: true,
          greet: (talk) => {
            const added = [{ address: at("10.0.0.67:6881"), flags: 0 }];
            talk.say(
              { _tag: "HaveAll" },
              { _tag: "Extended", id: 0, payload: encodeExtensionHandshake({ messages: new Map([["ut_pex", 9]]) }) },
              { _tag: "Extended", id: 2, payload: encodeUtPex({ added, dropped: [] }) },
            );
          },
        });
        yield* MemoryTrackers.use((trackers) =>
          Effect.forEach(["10.0.0.5:6881", "10.0.0.66:6881"], (peer) =>
            trackers.add(TRACKER, fixture.metainfo.info.infoHash, at(peer)),
          ),
        );
        const filter = Result.getOrThrowWith(parseIpFilter(list), ({ line }) => new Error(`line ${line}`));
        const events: Array<DownloadEvent> = [];
        const run = yield* Stream.runForEach(download(requestOf(fixture, { port: 6881, seed: true })), (event) =>
          Effect.sync(() => void events.push(event)),
        ).pipe(
          Effect.provide(Bans.layerWith(filter).pipe(Layer.provideMerge(clientLayer({ network, address: CLIENT })))),
          Effect.forkChild,
        );
        yield* TestClock.adjust("1 second");
        if (comes !== undefined) yield* Effect.forkScoped(comes.dial(`${CLIENT}:6881`));
        yield* TestClock.adjust("30 seconds");
        assert.isTrue(events.some(({ type }) => type === "complete"));
        const isOpen = list.startsWith("nobody");
        assert.deepStrictEqual(
          [named, told, comes].map((peer) => (peer?.talks.length ?? 0) > 0),
          [isOpen, isOpen, isOpen],
        );
        yield* Fiber.interrupt(run);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
});
