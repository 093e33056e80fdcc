/**
 * Finding peers in the local network (BEP 14): tells the neighbours which torrents we have, hears which they have. One for all downloads of a
 * program.
 *
 * Life cycle: no group is joined before the first use; from then on it is heard until the layer's scope ends, and spoken to for those torrents that
 * somebody is looking for.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Queue from "effect/Queue";
import * as Random from "effect/Random";
import * as Result from "effect/Result";
import * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import type { InfoHash } from "../schema/infoHash.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS, MAX_LSD_TORRENTS } from "../schema/lsd.ts";
import { type Hear, Multicast, type Way } from "./Multicast/Multicast.ts";
import { monotonicMillis } from "./time.ts";

/** Between two announces of one torrent, in milliseconds (BEP 14). */
const INTERVAL = 300_000;
/** Between two packets through one interface, in milliseconds (BEP 14). */
const PACE = 60_000;
/** Addresses heard that wait to be taken; the oldest are lost. */
const BACKLOG = 64;
/** Addresses taken for one torrent: no local network has more peers of one. */
const MAX_HEARD = 500;

/** Finds peers nearby. Layers: `LocalDiscovery.layer` over some `Multicast`, `LocalDiscovery.layerOff`. */
export class LocalDiscovery extends Context.Service<
  LocalDiscovery,
  {
    /** Whether it is any use to ask. */
    readonly available: boolean;
    /** Announces the torrent at once and every 5 minutes as long as it runs, and gives who else has it. It never ends; addresses come again. */
    readonly peers: (
      infoHash: InfoHash,
      /** Where peers reach us by TCP; absent when they cannot: then it only listens. */
      port: number | undefined,
    ) => Stream.Stream<NetAddress.InetAddress>;
  }
>()("bt-effect/services/LocalDiscovery") {
  /** Over the multicast there is. */
  static readonly layer = Layer.effect(
    LocalDiscovery,
    Effect.suspend(() => make),
  );

  /** Nobody is found. */
  static readonly layerOff = Layer.succeed(
    LocalDiscovery,
    LocalDiscovery.of({ available: false, peers: () => Stream.never }),
  );
}

/** A torrent that somebody looks for. */
interface Wanted {
  readonly hex: string;
  readonly port: number | undefined;
  readonly found: (address: NetAddress.InetAddress) => void;
  /** When it is to be announced, in milliseconds of the monotonic clock. */
  due: number;
}

/** The address with another port; a zone is kept. */
const withPort = (address: NetAddress.InetAddress, port: number): NetAddress.InetAddress =>
  NetAddress.isInetAddressV4(address)
    ? NetAddress.inetAddressUnsafe(address.address, port)
    : Result.getOrThrow(NetAddress.inetAddressV6(address.address, port, { scopeId: address.scopeId }));

const make = Effect.gen(function* () {
  const multicast = yield* Multicast;
  const scope = yield* Effect.scope;
  const cookie = (yield* Random.nextIntBetween(0, 0xffff_ffff)).toString(16);
  const torrents = new Set<Wanted>();
  const changed = Latch.makeUnsafe(false);
  let begun = false;

  const hear: Hear = (bytes, from) => {
    const packet = Option.getOrUndefined(decodeLsd(bytes));
    if (packet === undefined || packet.cookie === cookie) return;
    for (const torrent of torrents)
      if (packet.infoHashes.includes(torrent.hex)) torrent.found(withPort(from, packet.port));
  };

  /** One packet for torrents of the same port that are due; how long until there is more to say. */
  const speak = Effect.fnUntraced(function* (ways: ReadonlyArray<Way>) {
    const now = monotonicMillis(yield* Clock.Clock);
    const announced = [...torrents].filter(({ port }) => port !== undefined);
    const due = announced.filter((torrent) => torrent.due <= now);
    const port = due[0]?.port;
    if (port === undefined) return announced.reduce((wait, torrent) => Math.min(wait, torrent.due - now), Infinity);
    const batch = due.filter((torrent) => torrent.port === port).slice(0, MAX_LSD_TORRENTS);
    for (const torrent of batch) torrent.due = now + INTERVAL;
    const infoHashes = [...new Set(batch.map(({ hex }) => hex))];
    yield* Effect.forEach(ways, ({ group, send }) => send(encodeLsd(group, { port, infoHashes, cookie })), {
      concurrency: "unbounded",
      discard: true,
    });
    yield* Effect.sleep(PACE);
    return 0;
  });

  const run = Effect.gen(function* () {
    const ways = yield* multicast.join(LSD_GROUPS, hear);
    if (ways.length === 0) return;
    while (true) {
      Latch.closeUnsafe(changed);
      const wait = yield* speak(ways);
      if (wait === Infinity) yield* Latch.await(changed);
      else if (wait > 0) yield* Effect.timeoutOption(Latch.await(changed), wait);
    }
  }).pipe(
    Effect.tapCause((cause) => Effect.logError("local discovery ended", cause)),
    Scope.provide(scope),
  );
  const begin = Effect.suspend(() => {
    if (begun) return Effect.void;
    begun = true;
    return Effect.asVoid(Effect.forkIn(run, scope));
  });

  return LocalDiscovery.of({
    available: true,
    peers: (infoHash, port) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const heard = yield* Queue.sliding<NetAddress.InetAddress>(BACKLOG);
          const known = new Set<string>();
          const wanted: Wanted = {
            hex: infoHash.hex,
            port,
            due: 0,
            found: (address) => {
              const key = NetAddress.formatInet(address);
              if (known.size >= MAX_HEARD && !known.has(key)) return;
              known.add(key);
              Queue.offerUnsafe(heard, address);
            },
          };
          yield* Effect.acquireRelease(
            Effect.sync(() => torrents.add(wanted)),
            () => Effect.sync(() => torrents.delete(wanted)),
          );
          Latch.openUnsafe(changed);
          yield* begin;
          return Stream.fromQueue(heard);
        }),
      ),
  });
});
