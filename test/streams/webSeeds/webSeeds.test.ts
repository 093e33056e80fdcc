import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import type { Metainfo } from "../../../src/schema/metainfo.ts";
import { Bandwidth } from "../../../src/services/Bandwidth.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { type Answer, layerWith } from "../../../src/services/WebSeed/memory.ts";
import { download } from "../../../src/streams/download.ts";
import { makeTreeFixture } from "../../support/trees.ts";
import { clientLayer, type Fixture, makeClient, makeFixture, makeSeed, requestOf, watch } from "../../support/swarm.ts";

const LENGTH = 3 * 1024 * 1024 + 777;

const withSeeds = (fixture: Fixture, seeds: Partial<Pick<Metainfo, "webSeeds" | "httpSeeds">>): Fixture => ({
  ...fixture,
  metainfo: { ...fixture.metainfo, ...seeds },
});

const makeTorrent = (change: { readonly private?: boolean; readonly pieceLength?: number } = {}) =>
  makeFixture({ length: LENGTH, pieceLength: change.pieceLength ?? 65_536, ...change });

/** The part of the payload that was asked for. */
const partOf = (bytes: Uint8Array, { length, part }: Parameters<Answer>[0]) =>
  bytes.subarray(part?.from ?? 0, (part?.from ?? 0) + length);

/** A client that knows these web seeds and may know a peer. */
const run = (
  fixture: Fixture,
  answer: Answer,
  change: { readonly peers?: ReadonlyArray<string>; readonly noWebSeeds?: boolean } = {},
) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "5 millis" });
    for (const address of change.peers ?? []) yield* makeSeed(fixture, { network, address });
    const client = yield* makeClient({ network, address: "10.0.0.9", web: layerWith(answer) });
    const watched = yield* watch(
      client,
      requestOf(fixture, {
        peers: (change.peers ?? []).map((host) => ({ host, port: 6881 })),
        noWebSeeds: change.noWebSeeds ?? false,
      }),
    );
    return { ...watched, client };
  });

const warnings = (events: ReadonlyArray<{ readonly type: string }>) =>
  events.flatMap((event) => ("code" in event && event.type === "warning" ? [event.code] : []));

describe("web seeds", () => {
  it.effect("are named as those that are asked, for as long as they are, where nobody else is", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent({ private: true }), {
        webSeeds: ["http://web.test/x", "http://none.test/x"],
      });
      const { events, fiber } = yield* run(fixture, ({ url }) =>
        url.includes("none") ? Effect.fail({ _tag: "HttpStatus", status: 403 }) : Effect.never,
      );
      yield* TestClock.adjust("2500 millis");
      yield* Fiber.interrupt(fiber);
      const waiting = events.flatMap((event) => (event.type === "progress" ? [event.waiting] : []));
      assert.strictEqual(waiting[0], "no peers known yet: asking 2 web seeds");
      assert.strictEqual(waiting.at(-1), "no peers known yet: asking 1 web seed");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  for (const version of ["v2", "hybrid"] as const) {
    it.effect(`give all files of a ${version} torrent, and are asked for nothing between them`, () =>
      Effect.gen(function* () {
        const files = [
          ["a", 300_000],
          ["b", 5],
          ["c", 0],
          ["d", 131_072],
          ["e", 40_000],
        ] as const;
        const fixture = makeTreeFixture(files, { version, pieceLength: 65_536 });
        let asked = 0;
        const answer: Answer = (request) => {
          asked += request.length;
          const name = request.url.slice("http://web.test/many/".length);
          return Effect.succeed(partOf(fixture.content.get(name) ?? new Uint8Array(0), request));
        };
        const { client, fiber } = yield* run(withSeeds(fixture, { webSeeds: ["http://web.test/"] }), answer);
        yield* TestClock.adjust("60 seconds");
        yield* Fiber.join(fiber);
        for (const [name, bytes] of fixture.content)
          assert.deepStrictEqual(yield* client.disk.get(`/d/many/${name}`), bytes);
        assert.strictEqual(asked, 471_077);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
  }

  for (const pieceLength of [16_384, 65_536, 8 * 1024 * 1024]) {
    it.effect(`give all of a torrent without any peer, pieces of ${pieceLength}`, () =>
      Effect.gen(function* () {
        const fixture = withSeeds(makeTorrent({ pieceLength, private: true }), { webSeeds: ["http://web.test/x"] });
        const asked: Array<number> = [];
        const { client, events, fiber } = yield* run(fixture, (request) => {
          asked.push(request.length);
          assert.strictEqual(request.url, "http://web.test/x");
          assert.strictEqual(request.part?.total, LENGTH);
          return Effect.succeed(partOf(fixture.bytes, request));
        });
        yield* TestClock.adjust("10 seconds");
        yield* Fiber.join(fiber);
        assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
        // Each byte once, in runs of many pieces.
        assert.strictEqual(
          asked.reduce((a, b) => a + b, 0),
          LENGTH,
        );
        assert.isAtMost(asked.length, 8);
        assert.isTrue(events.some(({ type }) => type === "complete"));
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
  }

  it.effect("of BEP 17 give piece by piece", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { httpSeeds: ["http://web.test/seed?x=1"] });
      const { client, fiber } = yield* run(fixture, ({ length, url }) => {
        const piece = Number(/&piece=(\d+)$/.exec(url)?.[1]);
        return Effect.succeed(fixture.bytes.subarray(piece * 65_536, piece * 65_536 + length));
      });
      yield* TestClock.adjust("10 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("share the work with peers, and nothing comes twice", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      let given = 0;
      const { client, events, fiber } = yield* run(
        fixture,
        (request) =>
          Effect.sync(() => {
            given += request.length;
            return partOf(fixture.bytes, request);
          }).pipe(Effect.delay("200 millis")),
        { peers: ["10.0.0.1"] },
      );
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
      const complete = events.find((event) => event.type === "complete");
      assert.isAbove(given, 0);
      assert.strictEqual(complete?.downloaded, LENGTH);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("that send wrong bytes are convicted once, asked no more, and others finish", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://liar.test/x", "http://web.test/x"] });
      let lies = 0;
      const { client, fiber, peer } = yield* run(fixture, (request) =>
        Effect.sync(() => {
          const bytes = Uint8Array.from(partOf(fixture.bytes, request));
          if (!request.url.includes("liar")) return bytes;
          lies++;
          return bytes.fill(1);
        }).pipe(Effect.delay(request.url.includes("liar") ? "10 millis" : "300 millis")),
      );
      yield* TestClock.adjust("60 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
      assert.deepStrictEqual(peer("http://liar.test/x"), ["peer.banned"]);
      assert.isAtMost(lies, 4);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("that are busy are asked again when they said", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      let asked = 0;
      const { events, fiber, isComplete } = yield* run(fixture, (request) =>
        asked++ === 0 ? Effect.fail({ _tag: "Busy", seconds: 90 }) : Effect.succeed(partOf(fixture.bytes, request)),
      );
      yield* TestClock.adjust("80 seconds");
      assert.strictEqual(asked, 1);
      assert.isFalse(isComplete());
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(warnings(events), ["web-seed.busy"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("that fail are asked less and less often, and told of once", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      let asked = 0;
      const { events, fiber } = yield* run(fixture, () => {
        asked++;
        return Effect.fail({ _tag: "TimedOut" });
      });
      yield* TestClock.adjust("400 seconds");
      // 0, 30, 90, 210 s.
      assert.strictEqual(asked, 4);
      assert.deepStrictEqual(warnings(events), ["web-seed.timed-out"]);
      yield* Fiber.interrupt(fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("without the file are given up, and peers give it", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      let asked = 0;
      const { client, fiber } = yield* run(
        fixture,
        () => {
          asked++;
          return Effect.fail({ _tag: "Missing", why: "HTTP status 404" });
        },
        { peers: ["10.0.0.1"] },
      );
      yield* TestClock.adjust("30 seconds");
      yield* Fiber.join(fiber);
      assert.strictEqual(asked, 1);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("that stop in the middle of a run leave the rest to peers", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      let asked = 0;
      const { client, fiber } = yield* run(
        fixture,
        (request) => {
          asked++;
          return Effect.succeed(partOf(fixture.bytes, request).subarray(0, 100_001));
        },
        { peers: ["10.0.0.1"] },
      );
      yield* TestClock.adjust("30 seconds");
      yield* Fiber.join(fiber);
      assert.isAtLeast(asked, 1);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("that hang do not keep the download from its end", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      const { client, fiber } = yield* run(fixture, () => Effect.never, { peers: ["10.0.0.1"] });
      yield* TestClock.adjust("60 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("are left alone with noWebSeeds: then there is nobody to ask", () =>
    Effect.gen(function* () {
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      const { fiber } = yield* run(fixture, () => Effect.die("was asked"), { noWebSeeds: true });
      const error = yield* Effect.flip(Fiber.join(fiber));
      assert.include(String(error), "there is no");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("keep to the limit", () =>
    Effect.gen(function* () {
      const limit = 256 * 1024;
      const fixture = withSeeds(makeTorrent(), { webSeeds: ["http://web.test/x"] });
      const network = yield* Network.make({ latency: "5 millis" });
      const web = layerWith((request) => Effect.succeed(partOf(fixture.bytes, request)));
      let arrived = 0;
      const fiber = yield* Stream.runForEach(download(requestOf(fixture)), (event) =>
        Effect.sync(() => {
          if (event.type === "progress") arrived = event.downloaded;
        }),
      ).pipe(
        Effect.provide(
          Bandwidth.layerWith({ download: limit }).pipe(
            Layer.provideMerge(clientLayer({ network, address: "10.0.0.9", web })),
          ),
        ),
        Effect.forkChild,
      );
      yield* TestClock.adjust("1 second");
      const before = arrived;
      yield* TestClock.adjust("8 seconds");
      const rate = (arrived - before) / 8;
      assert.isTrue(Math.abs(rate - limit) <= limit * 0.1, `${rate} bytes per second at a limit of ${limit}`);
      yield* TestClock.adjust("10 seconds");
      yield* Fiber.join(fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
