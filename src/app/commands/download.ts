/** `bt-effect <torrent> [out]`: fetches a torrent and shows how it goes. */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import * as Result from "effect/Result";
import * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import * as NetAddress from "effect/net/NetAddress";
import type { DownloadError } from "../../schema/errors/DownloadError.ts";
import type { DownloadEvent, Progress } from "../../schema/events.ts";
import type { DownloadRequest, HostPort, SelectPattern, TorrentSource } from "../../streams/request.ts";
import { download as pipeline } from "../../streams/download.ts";
import * as Live from "../../services/live.ts";
import { commandLine } from "../commandLine.ts";
import { Display } from "../display/Display.ts";
import * as Text from "../display/text.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { rememberedPort } from "../port.ts";
import { Screen } from "../Screen/Screen.ts";
import { readSource } from "../source.ts";

/** What the command line says. */
export interface DownloadInput extends OutputFlags {
  readonly torrent: string;
  readonly out: Option.Option<string>;
  readonly port: Option.Option<number>;
  readonly bind: Option.Option<string>;
  readonly peer: ReadonlyArray<HostPort>;
  readonly tracker: ReadonlyArray<string>;
  readonly noTrackers: boolean;
  readonly maxPeers: number;
  readonly select: ReadonlyArray<SelectPattern>;
  readonly sequential: boolean;
  readonly check: boolean;
  readonly overwrite: boolean;
  readonly timeout: Option.Option<number>;
}

/** The request that the command line makes. */
export const requestOf = (
  input: DownloadInput,
  given: { readonly source: TorrentSource; readonly folder: string; readonly port: number },
): DownloadRequest => ({
  ...given,
  ...(Option.isSome(input.out) && { out: input.out.value }),
  ...(Option.isSome(input.bind) && { bind: input.bind.value }),
  ...(Option.isSome(input.timeout) && { timeout: input.timeout.value }),
  select: input.select,
  sequential: input.sequential,
  check: input.check,
  overwrite: input.overwrite,
  peers: input.peer,
  trackers: input.tracker,
  noTrackers: input.noTrackers,
  maxPeers: input.maxPeers,
  seed: false,
});

/** How far it came and how to go on, as one line. */
const stoppedLine = (progress: Progress | undefined, args: ReadonlyArray<string>): string => {
  const measured = progress !== undefined && progress.phase === "downloading";
  const share = measured ? ` at ${Text.percent(progress.done, progress.total)}` : "";
  return `bt-effect: stopped${share}; resume with: ${commandLine(args)}\n`;
};

/**
 * Shows the events of a download until it ends. Interrupted, it says so at once, waits until everything is in order, and then tells how to
 * resume. `args` is the command line.
 */
export const follow = <R>(events: Stream.Stream<DownloadEvent, DownloadError, R>, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const display = yield* Display;
    const screen = yield* Screen;
    const fiber = yield* Effect.forkChild(Stream.runForEach(events, display.show));
    yield* Fiber.join(fiber).pipe(
      Effect.onInterrupt(() =>
        Effect.gen(function* () {
          yield* display.stopping;
          yield* Fiber.interrupt(fiber);
          const { progress } = display.state();
          yield* display.show({ type: "stopped", done: progress?.done ?? 0, total: progress?.total ?? 0 });
          screen.write(stoppedLine(progress, args));
        }),
      ),
    );
  });

/** Downloads. */
export const download = (input: DownloadInput) =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const args = yield* (yield* Stdio.Stdio).args;
    const source = yield* readSource(input.torrent);
    const port = Option.isSome(input.port) ? input.port.value : yield* rememberedPort;
    const request = requestOf(input, { source, folder: path.resolve("."), port });
    const address = Option.flatMap(input.bind, (text) => Result.getSuccess(NetAddress.ipFromString(text)));
    yield* follow(pipeline(request), args).pipe(
      Effect.provide(Live.layer({ port, address: Option.getOrUndefined(address) })),
    );
  }).pipe(withOutput(input));
