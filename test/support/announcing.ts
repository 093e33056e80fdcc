/** A session that announces to trackers in memory, and what it told them. */
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Ref from "effect/Ref";
import * as Stream from "effect/Stream";
import type { DownloadEvent, TrackerEvent } from "../../src/schema/events.ts";
import * as InfoHash from "../../src/schema/infoHash.ts";
import { Events } from "../../src/services/Events.ts";
import { layerMemory, MemoryTrackers, type Arrival } from "../../src/services/Tracker/memory.ts";
import { makeNames } from "../../src/streams/names.ts";
import { announces, type AnnounceOptions, type FoundPeers } from "../../src/streams/announces.ts";

/** The torrent that is announced. */
export const infoHash = Option.getOrThrow(InfoHash.fromBytes(new Uint8Array(20).fill(7)));
/** A peer that trackers may name. */
export const peer = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:6881");
/** Trackers. */
export const [A, B, C] = ["http://a/announce", "udp://b:1", "http://c/announce"] as const;
/** What the tests need besides time. */
export const world = Layer.merge(layerMemory, Events.layer);

/** Lets all fibers run until they wait for time to pass. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 100 });

/** Runs announces in the background; gives what came out so far, and the end of it all. */
export const start = (options: Partial<AnnounceOptions> & Pick<AnnounceOptions, "tiers">) =>
  Effect.gen(function* () {
    const found = yield* Ref.make<ReadonlyArray<FoundPeers>>([]);
    const events = yield* Ref.make<ReadonlyArray<DownloadEvent>>([]);
    const bus = yield* Events;
    yield* Effect.forkScoped(
      Stream.runForEach(bus.stream, (event) => Ref.update(events, (all) => [...all, event])),
      { startImmediately: true },
    );
    const completed = yield* Latch.make(false);
    const hungry = yield* Latch.make(false);
    const secluded = options.secluded ?? (yield* Latch.make(false));
    const stream = announces({
      names: makeNames({ infoHash, infoHashV1: infoHash.hex }, true),
      peerId: new Uint8Array(20),
      port: () => 7000,
      otherPort: () => Effect.never,
      stats: () => ({ uploaded: 1, downloaded: 2, left: 3, partialSeed: false }),
      completed,
      hungry,
      ...options,
      secluded,
    });
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (one) => Ref.update(found, (all) => [...all, one])),
    );
    yield* settle;
    return { found: Ref.get(found), events: Ref.get(events), completed, hungry, secluded, fiber };
  });

/** What the trackers were told, in order. */
export const arrivals = Effect.flatMap(MemoryTrackers, (trackers) => trackers.arrivals);
/** When, by whom and as what, in seconds. */
export const brief = (all: ReadonlyArray<Arrival>) =>
  all.map(({ at, url, request }) => [at / 1000, url, request.event]);
/** The events about trackers. */
export const trackerEvents = (events: ReadonlyArray<DownloadEvent>) =>
  events.filter((event): event is TrackerEvent => event.type === "tracker");
