/**
 * Whole clients on the in-memory network, for tests of the pipeline: each with its own disk, state folder, address and trackers. The network and
 * the trackers are shared, the clock is the test's.
 */
import { Context, Effect, Layer, Result, Stream } from "effect";
import { Dns } from "effect/net";
import { hash } from "node:crypto";
import { encode } from "../../src/schema/bencode.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import type { DownloadEvent } from "../../src/schema/events.ts";
import type { Metainfo } from "../../src/schema/metainfo.ts";
import { parseMetainfo } from "../../src/schema/metainfo/parse.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import { Bans } from "../../src/services/Bans.ts";
import { Choker } from "../../src/services/Choker/Choker.ts";
import type { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import type { Dht } from "../../src/services/Dht/Dht.ts";
import * as MemoryDht from "../../src/services/Dht/memory.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import { LocalDiscovery } from "../../src/services/LocalDiscovery.ts";
import type { MemoryNetwork } from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Picker } from "../../src/services/Picker/Picker.ts";
import { PortMapping } from "../../src/services/PortMapping/PortMapping.ts";
import * as MemoryResume from "../../src/services/ResumeStore/memory.ts";
import * as MemoryStorage from "../../src/services/Storage/memory.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import type { Storage } from "../../src/services/Storage/Storage.ts";
import * as MemoryTracker from "../../src/services/Tracker/memory.ts";
import type { Transport } from "../../src/services/Transport/Transport.ts";
import * as MemoryWeb from "../../src/services/WebSeed/memory.ts";
import type { WebSeed } from "../../src/services/WebSeed/WebSeed.ts";
import { download, fetchMetadata } from "../../src/streams/download.ts";
import { type DownloadRequest, request } from "../../src/streams/request.ts";
import { NetAddress } from "effect/net";
import { digests } from "./digests.ts";
import type { Sniffer } from "./sniffer.ts";

/** The tracker that the torrents of these tests name. */
export const TRACKER = "http://tracker.test/announce";

/** A torrent and its bytes. */
export interface Fixture {
  readonly metainfo: Metainfo;
  readonly bytes: Uint8Array;
}

/** Pseudo-random bytes, the same each time. */
const makeBytes = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
};

/** Reads a torrent of `bytes` from its own bencoding, as a real one is. */
const toFixture = (
  bytes: Uint8Array,
  options: { readonly pieceLength: number; readonly tracker?: string | undefined },
  info: Parameters<typeof Dictionary.make>[0],
): Fixture => {
  const { pieceLength, tracker } = options;
  const pieces = Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, index) =>
      hash("sha1", bytes.subarray(index * pieceLength, (index + 1) * pieceLength), "buffer"),
    ),
  );
  const torrent = encode(
    Dictionary.make({
      announce: tracker === undefined ? undefined : Dictionary.fromText(tracker),
      info: Dictionary.make({ ...info, "piece length": pieceLength, pieces }),
    }),
  );
  return { metainfo: Result.getOrThrow(parseMetainfo(torrent, digests)), bytes };
};

/** A single-file torrent of pseudo-random bytes. */
export const makeFixture = (options: {
  readonly length: number;
  readonly pieceLength: number;
  readonly name?: string;
  readonly tracker?: string;
  readonly private?: boolean;
}): Fixture =>
  toFixture(makeBytes(options.length), options, {
    length: options.length,
    name: Dictionary.fromText(options.name ?? "payload.bin"),
    private: options.private === true ? 1 : undefined,
  });

/** A torrent of the files given by name and length in the folder `many`; those without a name are padding (BEP 47). */
export const makeManyFixture = (
  files: ReadonlyArray<readonly [name: string, length: number]>,
  options: { readonly pieceLength: number; readonly tracker?: string },
): Fixture => {
  const bytes = makeBytes(files.reduce((sum, [, length]) => sum + length, 0));
  let at = 0;
  for (const [name, length] of files) {
    if (name === "") bytes.fill(0, at, at + length);
    at += length;
  }
  return toFixture(bytes, options, {
    name: Dictionary.fromText("many"),
    files: files.map(([name, length]) =>
      Dictionary.make({
        attr: name === "" ? Dictionary.fromText("p") : undefined,
        length,
        path: name === "" ? [".pad", String(length)].map(Dictionary.fromText) : [Dictionary.fromText(name)],
      }),
    ),
  });
};

/** What is special about one client. */
export interface ClientOptions {
  readonly network: MemoryNetwork;
  readonly address: string;
  /** Wraps its transport: a slow or lying link. */
  readonly transport?: Layer.Layer<Transport, never, Transport | Datagrams>;
  /** Wraps its storage: a slow or full disk. */
  readonly storage?: Layer.Layer<Storage, never, Storage>;
  /** Its DHT over its datagrams; none by default. */
  readonly dht?: Layer.Layer<Dht, never, Datagrams>;
  /** The web seeds that there are; none by default. */
  readonly web?: Layer.Layer<WebSeed>;
  /** What it asks of a router; nothing by default. */
  readonly mapping?: Layer.Layer<PortMapping, never, Datagrams>;
  /** It finds peers in the local network; it does not by default. */
  readonly lsd?: boolean;
  /** Sees all that it sends. */
  readonly sniffer?: Sniffer;
}

/** The services of one client but for the trackers, which all share. */
export const clientLayer = (options: ClientOptions) => {
  const plain = options.network.host(options.address);
  const host = options.sniffer === undefined ? plain : options.sniffer.layer.pipe(Layer.provide(plain));
  const disk = Layer.fresh(MemoryStorage.layer);
  return Layer.mergeAll(
    options.transport === undefined ? host : options.transport.pipe(Layer.provideMerge(host)),
    options.storage === undefined ? disk : options.storage.pipe(Layer.provideMerge(disk)),
    options.dht === undefined ? MemoryDht.layerOff : options.dht.pipe(Layer.provide(host)),
    options.lsd === true ? LocalDiscovery.layer.pipe(Layer.fresh, Layer.provide(host)) : LocalDiscovery.layerOff,
    options.mapping === undefined ? PortMapping.layerOff : options.mapping.pipe(Layer.provide(host)),
    options.web ?? MemoryWeb.layer,
    Layer.fresh(MemoryResume.layer),
    MemoryTracker.layer(NetAddress.ipFromStringUnsafe(options.address)),
    Hasher.layer,
    Bandwidth.layer,
    Picker.layer,
    Choker.layer,
    Layer.fresh(Bans.layer),
    SecureRandom.layer,
    Dns.layerStatic({ hosts: {} }),
  );
};

/** One client: what it has on disk, and how to let it download. It lives as long as the test. */
export interface Client {
  readonly disk: MemoryDisk["Service"];
  /** Runs a download to its end; gives what it told. */
  readonly run: (request: DownloadRequest) => Effect.Effect<ReadonlyArray<DownloadEvent>, unknown>;
  readonly stream: (...given: Parameters<typeof download>) => Stream.Stream<DownloadEvent, unknown>;
  /** Fetches the metadata of a magnet link alone. */
  readonly metadata: (...given: Parameters<typeof fetchMetadata>) => Stream.Stream<DownloadEvent, unknown>;
}

/** Plugs a client into the network. */
export const makeClient = (options: ClientOptions) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(clientLayer(options));
    const stream: Client["stream"] = (...given) => Stream.provideContext(download(...given), context);
    const client: Client = {
      disk: Context.get(context, MemoryDisk),
      stream,
      metadata: (...given) => Stream.provideContext(fetchMetadata(...given), context),
      run: (wanted) => Stream.runCollect(stream(wanted)),
    };
    return client;
  });

/** A request for the fixture in `/d`. */
export const requestOf = (fixture: Fixture, change: Partial<DownloadRequest> = {}): DownloadRequest => ({
  ...request({ _tag: "Metainfo", metainfo: fixture.metainfo }, "/d"),
  ...change,
});

/** A download under way, and what it has told so far. */
export const watch = (client: Client, wanted: DownloadRequest) =>
  Effect.gen(function* () {
    const events: Array<DownloadEvent> = [];
    const fiber = yield* Effect.forkChild(
      Stream.runForEach(client.stream(wanted), (event) => Effect.sync(() => void events.push(event))),
    );
    return {
      events,
      fiber,
      /** What became of the peers at `address` (any of its ports), in order: states, or codes where there are. */
      peer: (address: string): ReadonlyArray<string> =>
        events.flatMap((event) =>
          event.type === "peer" && (event.address === address || event.address.startsWith(`${address}:`))
            ? [event.code ?? event.state]
            : [],
        ),
      isComplete: (): boolean => events.some(({ type }) => type === "complete"),
    };
  });

/** A client that has all of the fixture and shares it on port 6881 as long as the test. */
export const makeSeed = (fixture: Fixture, options: ClientOptions, change: Partial<DownloadRequest> = {}) =>
  Effect.gen(function* () {
    const client = yield* makeClient(options);
    yield* client.disk.put(`/d/${fixture.metainfo.info.name}`, fixture.bytes);
    yield* Stream.runDrain(client.stream(requestOf(fixture, { seed: true, port: 6881, ...change }))).pipe(
      Effect.tapCause((cause) => Effect.logError("the seed ended", cause)),
      Effect.forkScoped,
    );
    return client;
  });
