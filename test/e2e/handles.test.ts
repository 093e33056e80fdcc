/** What a download and a seed with everything on leave behind in their process when they are interrupted: nothing, within 3 s. */
import { assert, describe, it, vi } from "@effect/vitest";
import { Context, Deferred, Effect, Fiber, Layer, Result, Schedule, Stream } from "effect";
import { SecureRandom } from "effect/crypto";
import { NetAddress } from "effect/net";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { parseMetainfo } from "../../src/schema/metainfo/parse.ts";
import * as NodeDatagrams from "../../src/services/Datagrams/node.ts";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import { layer } from "../../src/services/live.ts";
import { makeKeeping } from "../../src/services/PortMapping/keeping.ts";
import { PortMapping } from "../../src/services/PortMapping/PortMapping.ts";
import { download } from "../../src/streams/download.ts";
import { type DownloadRequest, request } from "../../src/streams/request.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { httpSeed } from "../support/clients/httpSeed.ts";
import { libtorrent } from "../support/clients/libtorrent.ts";
import { libtorrentDht } from "../support/clients/libtorrentDht.ts";
import { makePayload, writeFiles } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { smallDisk } from "../support/clients/smallDisk.ts";
import { recordingTracker } from "../support/clients/tracker.ts";
import { digests } from "../support/digests.ts";
import { gatewayOver } from "../support/gateway.ts";

const MIB = 1024 * 1024;
const LOOPBACK = NetAddress.ipv4Loopback;

/** Files, sockets and pipes that are open, by what they are: numbers of sockets say nothing. */
const openFiles = (): ReadonlyArray<string> =>
  readdirSync("/proc/self/fd")
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, "")];
      } catch {
        // what the folder was read by
        return [];
      }
    })
    .filter((name) => !name.startsWith("/proc/"))
    .sort();

/** What keeps the process alive and what it has open; looked at outside of timers, since one that goes off counts until it is over. */
const holdings = Effect.callback<ReadonlyArray<string>>((resume) => {
  setImmediate(() => resume(Effect.sync(() => [...process.getActiveResourcesInfo().sort(), ...openFiles()])));
});

/** Fails where the number is still taken, for TCP or for UDP. */
const takePort = (port: number) =>
  Effect.promise(async () => {
    const server = createServer().listen(port, "127.0.0.1");
    const socket = createSocket("udp4").bind(port, "127.0.0.1");
    await Promise.all([once(server, "listening"), once(socket, "listening")]);
    await Promise.all([once(server.close(), "close"), once(socket.close(), "close")]);
  });

/** A peer of libtorrent that has no TCP at all. */
const UTP_ONLY = {
  enable_outgoing_tcp: false,
  enable_incoming_tcp: false,
  enable_outgoing_utp: true,
  enable_incoming_utp: true,
};

/**
 * Runs with trackers, the DHT, PEX, local discovery, uTP, a router and a web seed, and with a peer over TCP and one over uTP, until `isUnderWay`; then
 * interrupts it.
 */
const interrupts = (options: {
  /** What libtorrent does. */
  readonly peers: "seed" | "leech";
  readonly change: Partial<DownloadRequest>;
  readonly isUnderWay: (event: DownloadEvent) => boolean;
}) =>
  Effect.gen(function* () {
    // In memory: a sync that the system has begun cannot be taken back, and a disk that many write to takes longer for it than we may.
    const { folder } = yield* smallDisk(4 * 64 * MIB);
    vi.stubEnv("XDG_STATE_HOME", join(folder, "state"));
    yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()));
    const plan = { folder, name: "slow.bin", pieceLength: 64 * 1024, content: 64 * MIB };
    writeFiles(plan);
    const web = yield* httpSeed(readFileSync(join(folder, plan.name)), plan.pieceLength);
    // Leechers of libtorrent would ask the web seed as well, which is in this process.
    const payload = yield* makePayload(options.peers === "seed" ? { ...plan, httpSeeds: [web.url] } : plan);
    const metainfo = Result.getOrThrow(parseMetainfo(readFileSync(payload.torrent), digests));
    const nodes = yield* libtorrentDht("127.0.0.1", payload, { seed: false });
    const peers = yield* Effect.forEach([{}, UTP_ONLY], (settings) =>
      Effect.flatMap(emptyFolder, (own) =>
        libtorrent({
          mode: options.peers,
          source: payload.torrent,
          folder: options.peers === "seed" ? folder : own,
          uploadLimit: MIB,
          downloadLimit: MIB,
          settings,
        }),
      ),
    );
    const tracker = yield* recordingTracker({ peers: peers.map(({ address }) => address) });
    const router = yield* Layer.build(Layer.fresh(NodeDatagrams.layer({ port: 0, address: LOOPBACK })));
    const gateway = yield* gatewayOver(Context.get(router, Datagrams), { protocol: "PCP" });
    const mapping = PortMapping.layerOver(makeKeeping(gateway.surroundings)).pipe(
      Layer.provide([Layer.fresh(NodeDatagrams.layer({ port: 0, address: LOOPBACK })), SecureRandom.layerWebCrypto]),
    );

    const before = yield* holdings;
    const port = yield* Deferred.make<number>();
    const underWay = yield* Deferred.make<void>();
    const run = yield* Effect.forkChild(
      Stream.runForEach(
        download({
          ...request({ _tag: "Metainfo", metainfo }, join(folder, "out")),
          bind: NetAddress.ipFromStringUnsafe("127.0.0.1"),
          trackers: [tracker.url],
          ...options.change,
        }),
        (event) =>
          Effect.gen(function* () {
            if (event.type === "started") yield* Deferred.succeed(port, event.port ?? 0);
            if (options.isUnderWay(event)) yield* Deferred.succeed(underWay, undefined);
          }),
      ).pipe(
        Effect.provide(
          Layer.merge(
            layer({
              address: LOOPBACK,
              dhtRouters: [{ host: "127.0.0.1", port: Number(nodes.router.split(":")[1]) }],
              limits: { download: 2 * MIB },
            }),
            mapping,
          ),
        ),
      ),
    );
    yield* Effect.raceFirst(Deferred.await(underWay), Fiber.join(run));
    const own = yield* Deferred.await(port);
    yield* nodes.knows(own);
    assert.deepStrictEqual([...gateway.table.keys()].length, 2);
    if (options.peers === "seed") assert.isAbove(web.asked.length, 0);
    assert.isAbove((yield* holdings).length, before.length);

    const at = performance.now();
    yield* Fiber.interrupt(run);
    // The system closes sockets a moment after it was asked to.
    const left = yield* holdings.pipe(
      Effect.repeat({
        schedule: Schedule.spaced("20 millis"),
        until: (now) => now.length <= before.length || performance.now() - at > 3_000,
      }),
    );
    assert.deepStrictEqual(left, before);
    assert.deepStrictEqual([...gateway.table], []);
    yield* takePort(own);
  });

/** Counts the kinds of connection that were met: both, once true. */
const meetsBoth = () => {
  const met = new Set<string>();
  return (event: DownloadEvent): boolean => {
    if (event.type === "peer" && event.state === "connected") met.add(event.address);
    return met.size >= 2;
  };
};

describeClients("in this process nothing is left, and no port taken", ["python3-libtorrent", "root"], () => {
  describe("within 3 s", () => {
    it.live("after the interruption of a download with everything on", () => {
      const both = meetsBoth();
      return interrupts({
        peers: "seed",
        change: {},
        isUnderWay: (event) => both(event) && event.type === "progress" && event.done > 3 * MIB,
      });
    });

    it.live("after the interruption of a seed with everything on", () => {
      const both = meetsBoth();
      return interrupts({
        peers: "leech",
        change: { seed: true, shareOnly: true, out: "../slow.bin" },
        isUnderWay: (event) => both(event) && event.type === "progress" && event.uploaded > 3 * MIB,
      });
    });
  });
});
