import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { PexFlag } from "../../src/schema/utPex.ts";
import { Bans } from "../../src/services/Bans.ts";
import * as Dht from "../../src/services/Dht/memory.ts";
import { LocalDiscovery } from "../../src/services/LocalDiscovery.ts";
import { Multicast } from "../../src/services/Multicast/Multicast.ts";
import { makeNames } from "../../src/streams/names.ts";
import { makeCandidates } from "../../src/streams/candidates.ts";
import { makeDiscovery } from "../../src/streams/discovery.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { makeFixture, requestOf } from "../support/swarm.ts";

const fixture = makeFixture({ length: 9, pieceLength: 16_384 });
const at = NetAddress.inetAddressFromStringUnsafe;
const deaf = Layer.succeed(Multicast, Multicast.of({ join: () => Effect.succeed([]) }));

/** The discovery of a download, and how many peers it knows. */
const discover = (change: Partial<DownloadRequest>, state: { isPrivate?: boolean; isComplete?: boolean } = {}) =>
  Effect.gen(function* () {
    const candidates = yield* makeCandidates({ own: [] });
    const discovery = yield* makeDiscovery(requestOf(fixture, change), {
      names: makeNames(fixture.metainfo.info, true),
      isPrivate: state.isPrivate,
      candidates,
      origins: { tiers: [], peers: [] },
      port: 6881,
      entrance: { port: () => 6881 },
      isComplete: () => state.isComplete ?? false,
    });
    return { ...discovery, known: candidates.known };
  }).pipe(
    Effect.provide([Bans.layer, Dht.layerOff, LocalDiscovery.layer.pipe(Layer.fresh, Layer.provide(deaf))]),
    Effect.scoped,
  );
const told = (flags: number) => ({
  source: "pex" as const,
  address: at("10.0.0.1:1"),
  pex: { flags, relay: at("10.0.0.2:1") },
});

describe("discovery", () => {
  it.effect("says whom it asks, which is nobody for a private torrent or against the user's wish", () =>
    Effect.gen(function* () {
      const usual = yield* discover({});
      assert.deepStrictEqual([usual.isUsed(), usual.asked()], [true, ["the local network"]]);
      for (const one of [yield* discover({ noLsd: true }), yield* discover({}, { isPrivate: true })])
        assert.deepStrictEqual([one.isUsed(), one.asked()], [false, []]);
      usual.learned(true, { members: new Set() });
      assert.deepStrictEqual([usual.isUsed(), usual.asked(), usual.exchange.isUsed()], [false, [], false]);
    }),
  );

  it.effect("takes seeds that others tell of only while it has use for them", () =>
    Effect.gen(function* () {
      const hungry = yield* discover({});
      hungry.exchange.found(told(PexFlag.seed));
      assert.strictEqual(hungry.known(), 1);
      const full = yield* discover({}, { isComplete: true });
      full.exchange.found(told(PexFlag.seed));
      assert.strictEqual(full.known(), 0);
      full.exchange.found(told(0));
      assert.strictEqual(full.known(), 1);
    }),
  );
});
