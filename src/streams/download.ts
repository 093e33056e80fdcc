/**
 * The whole of a download, as one pipeline:
 *
 *   candidates ─► connections ─► blocks ─┬─► verified pieces ─► the sink that records and announces them
 *                             web seeds ─┘
 *
 * Each arrow is a stream function of its own file. What surrounds the pipeline (preparing the disk, choking, timers, progress, the end) is in session.ts.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Stream from "effect/Stream";
import type { DownloadError } from "../schema/errors/DownloadError.ts";
import type { DownloadEvent } from "../schema/events.ts";
import { Events } from "../services/Events.ts";
import { connections } from "./connections.ts";
import { verifiedPieces } from "./pieces.ts";
import type { DownloadRequest } from "./request.ts";
import type { Learning } from "./goal.ts";
import { runSession, type Session, type SessionServices } from "./session.ts";
import { verifiedPieceSink } from "./sink.ts";
import { talk } from "./talk.ts";

/** What a download needs. */
export type DownloadServices = SessionServices;

/** Full pieces that may wait between the peers and the disk; more would only be memory that a disk that stalls fills. */
const WAITING = 1;

/** The pipeline itself: runs until all that is wanted is verified and on disk. */
const pipeline = (session: Session) =>
  connections(session).pipe(
    Stream.flatMap((link) => talk(link, session.candidates), { concurrency: "unbounded", bufferSize: WAITING }),
    session.webSeeds.beside,
    verifiedPieces,
    Stream.run(verifiedPieceSink(session.stored)),
  );

/**
 * Downloads a torrent: a stream of what happens, that ends after `complete` and fails with what ended the download. Interrupting it
 * saves the state and tells the trackers, within 3 seconds; the same request then goes on where it was. When `stop` ends, the same is done, and
 * the events go on until it is.
 */
export const download = (
  request: DownloadRequest,
  stop?: Effect.Effect<void>,
): Stream.Stream<DownloadEvent, DownloadError, DownloadServices> =>
  eventsOf(runSession(request, pipeline, { _tag: "Content" }), stop);

/** Fetches no more than the metadata of a magnet link, and the piece layers of v2 where they are asked for: a stream of what happens, that ends once `learned` was told. */
export const fetchMetadata = (
  request: DownloadRequest,
  learning: Learning,
  stop?: Effect.Effect<void>,
): Stream.Stream<DownloadEvent, DownloadError, DownloadServices> =>
  eventsOf(runSession(request, pipeline, { _tag: "Metadata", ...learning }), stop);

/** What happens in a session, until it ends, or until what is to be done when it is stopped was done. */
const eventsOf = (
  session: ReturnType<typeof runSession>,
  stop: Effect.Effect<void> = Effect.never,
): Stream.Stream<DownloadEvent, DownloadError, DownloadServices> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const events = yield* Events.make;
      const fiber = yield* Effect.raceFirst(session, stop).pipe(
        Effect.provideService(Events, events),
        Effect.ensuring(events.end),
        Effect.forkScoped,
      );
      return Stream.concat(events.stream, Stream.fromEffectDrain(Fiber.join(fiber)));
    }),
  );

/** Downloads a torrent to its end, without looking. */
export const downloadToEnd = (request: DownloadRequest): Effect.Effect<void, DownloadError, DownloadServices> =>
  Stream.runDrain(download(request));
