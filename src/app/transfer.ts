/**
 * What `download` and `seed` have in common: the flags of the swarm turned into a request, a run on the live Layers, and the following of it on the
 * display until it ends or is stopped.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import type * as NetAddress from "effect/net/NetAddress";
import type { DownloadError } from "../schema/errors/DownloadError.ts";
import type { DownloadEvent, Progress } from "../schema/events.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { Proxy } from "../schema/socks5.ts";
import type { Limits } from "../services/Bandwidth.ts";
import * as Live from "../services/live.ts";
import { download, fetchMetadata } from "../streams/download.ts";
import { patternText } from "../streams/selection.ts";
import type { EncryptionPolicy } from "../streams/encryption.ts";
import type { DownloadRequest, TorrentSource } from "../streams/request.ts";
import { commandLine } from "./commandLine.ts";
import { Display } from "./display/Display.ts";
import * as DisplayLayers from "./display/Display.ts";
import * as Text from "./display/text.ts";
import { Interruption } from "./interruption.ts";
import type { OutputFlags } from "./output.ts";
import { rememberedPort } from "./port.ts";
import { Screen } from "./Screen/Screen.ts";
import { readSource } from "./source.ts";
import type { HostPort } from "../schema/hostPort.ts";

/** What the command line says of the swarm, whatever is done in it. */
export interface TransferInput extends OutputFlags {
  readonly torrent: string;
  readonly port: Option.Option<number>;
  readonly bind: Option.Option<NetAddress.IpAddress>;
  readonly peer: ReadonlyArray<HostPort>;
  readonly tracker: ReadonlyArray<string>;
  readonly noTrackers: boolean;
  readonly noDht: boolean;
  readonly noLsd: boolean;
  readonly noPex: boolean;
  readonly noWebSeeds: boolean;
  readonly ipFilter: Option.Option<string>;
  readonly proxy: Option.Option<Proxy>;
  readonly dhtBootstrap: ReadonlyArray<HostPort>;
  readonly noUtp: boolean;
  readonly noPortMapping: boolean;
  readonly encryption: EncryptionPolicy;
  readonly maxPeers: number;
  readonly check: boolean;
  readonly downloadLimit: Option.Option<number>;
  readonly uploadLimit: Option.Option<number>;
  readonly seedRatio: Option.Option<number>;
  readonly seedTime: Option.Option<number>;
  readonly superSeed: boolean;
}

/** What is asked for besides the flags. */
export interface Given {
  readonly source: TorrentSource;
  /** Absolute. */
  readonly folder: string;
  readonly port: number;
}

/** Fetches the metadata of a link from peers. */
export type Learn = ReturnType<typeof learn>;

/** The part of a request that the common flags make. */
export const commonOf = (input: TransferInput, given: Given) => ({
  ...given,
  ...(Option.isSome(input.bind) && { bind: input.bind.value }),
  ...(Option.isSome(input.seedRatio) && { seedRatio: input.seedRatio.value }),
  ...(Option.isSome(input.seedTime) && { seedTime: input.seedTime.value }),
  check: input.check,
  peers: input.peer,
  trackers: input.tracker,
  noTrackers: input.noTrackers,
  noDht: input.noDht,
  noLsd: input.noLsd,
  noPex: input.noPex,
  noWebSeeds: input.noWebSeeds,
  encryption: input.encryption,
  maxPeers: input.maxPeers,
  superSeed: input.superSeed,
});

const limitsOf = ({ downloadLimit, uploadLimit }: TransferInput): Limits => ({
  ...(Option.isSome(downloadLimit) && { download: downloadLimit.value }),
  ...(Option.isSome(uploadLimit) && { upload: uploadLimit.value }),
});

/** How far it came and how to go on, as one line. */
const stoppedLine = (progress: Progress | undefined, args: ReadonlyArray<string>): string => {
  const measured = progress !== undefined && progress.phase === "downloading";
  const share = measured ? ` at ${Text.percent(progress.done, progress.total)}` : "";
  return `bt-effect: stopped${share}; resume with: ${commandLine(args)}\n`;
};

/** Events that end, in order, soon after `stop` did. */
export type Stoppable<R> = (stop: Effect.Effect<void>) => Stream.Stream<DownloadEvent, DownloadError, R>;

/**
 * Shows the events of a download until it ends. Interrupted, it says so at once, shows what is told until everything is in order, and then how
 * to resume, unless it was complete. `args` is the command line.
 */
export const follow = <R>(events: Stoppable<R>, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const display = yield* Display;
    const screen = yield* Screen;
    const interruption = yield* Interruption;
    const stopped = Effect.suspend(() => {
      const { progress } = display.state();
      return display.show({ type: "stopped", done: progress?.done ?? 0, total: progress?.total ?? 0 });
    });
    const stop = yield* Deferred.make<void>();
    const fiber = yield* Effect.forkChild(Stream.runForEach(events(Deferred.await(stop)), display.show));
    yield* Fiber.join(fiber).pipe(
      Effect.onInterrupt(() =>
        Effect.gen(function* () {
          interruption.harmless = display.state().complete;
          yield* display.stopping;
          yield* Deferred.succeed(stop, undefined);
          yield* Fiber.await(fiber);
          yield* stopped;
          const { complete, progress } = display.state();
          if (!complete) screen.write(stoppedLine(progress, args));
        }),
      ),
    );
    if (display.state().progress?.phase === "seeding") yield* stopped;
  });

const filterIn = (path: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./ipFilter.ts")),
    ({ readIpFilter }) => readIpFilter(path),
  );

/** The command line that goes on with a request: what was asked of the user before is not asked again. */
const resumingWith = (args: ReadonlyArray<string>, { select }: DownloadRequest): ReadonlyArray<string> =>
  args.includes("--pick") && !args.some((arg) => arg.startsWith("--select"))
    ? args.flatMap((arg) =>
        arg === "--pick" ? select.flatMap((pattern) => ["--select", patternText(pattern)]) : [arg],
      )
    : args;

/** Fetches the metadata of a link, on a display of its own: what is drawn is gone when it is known. */
const learn = (flags: OutputFlags, args: ReadonlyArray<string>) => (request: DownloadRequest) =>
  Effect.gen(function* () {
    const known = yield* Deferred.make<TorrentInfo>();
    yield* follow(
      (stop) => fetchMetadata(request, { layers: false, learned: (info) => Deferred.succeed(known, info) }, stop),
      args,
    );
    return yield* Deferred.await(known);
  }).pipe(Effect.provide(DisplayLayers.layer(flags), { local: true }));

/** Runs the request that `ask` makes, on the live Layers; `run` is what is done with it. */
export const transfer = <E, R>(
  input: TransferInput,
  ask: (given: Given, learn: Learn) => Effect.Effect<DownloadRequest, E, R>,
  run: typeof download = download,
) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const args = yield* (yield* Stdio.Stdio).args;
    const proxy = Option.getOrUndefined(input.proxy);
    const source = yield* readSource(input.torrent, proxy);
    const ipFilter = Option.isSome(input.ipFilter) ? yield* filterIn(input.ipFilter.value) : undefined;
    const wished = Option.isSome(input.port) ? Effect.succeed(input.port.value) : rememberedPort;
    const port = proxy === undefined ? yield* wished : 0;
    const given = { source, folder: path.resolve("."), port };
    yield* Effect.gen(function* () {
      const request = yield* ask(given, learn(input, args));
      yield* follow((stop) => run(request, stop), resumingWith(args, request));
    }).pipe(
      Effect.provide(
        Live.layer({
          port,
          address: Option.getOrUndefined(input.bind),
          noUtp: input.noUtp,
          noPortMapping: input.noPortMapping,
          ipFilter,
          proxy,
          limits: limitsOf(input),
          dhtRouters: input.dhtBootstrap.length > 0 ? input.dhtBootstrap : undefined,
        }),
      ),
    );
  });
