/** A tracker in the test's own process that keeps every announce it was sent. */
import { Deferred, Effect, type Scope } from "effect";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encode } from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";

/** What an announce said. */
export interface Announce {
  /** Empty for a regular one. */
  readonly event: string;
  readonly left: number;
  readonly downloaded: number;
  readonly port: number;
  /** When, by `performance.now()`. */
  readonly at: number;
}

/** The tracker. */
export interface RecordingTracker {
  readonly url: string;
  readonly announces: ReadonlyArray<Announce>;
  /** Waits for an announce with this event. */
  readonly told: (event: string) => Effect.Effect<Announce>;
}

/** What is special about a tracker. */
export interface TrackerOptions {
  /** Whom it names: `ip:port`, IPv4. */
  readonly peers?: ReadonlyArray<string>;
  /** It takes announces with this event and never answers them. */
  readonly silentOn?: string;
}

/** Starts a tracker. */
export const recordingTracker = (options: TrackerOptions = {}): Effect.Effect<RecordingTracker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const compact = (options.peers ?? []).flatMap((peer) => {
      const [ip, port] = peer.split(":");
      return [...(ip ?? "").split(".").map(Number), Number(port) >> 8, Number(port) & 0xff];
    });
    const answer = encode(Dictionary.make({ interval: 1_800, peers: Uint8Array.from(compact) }));
    const announces: Array<Announce> = [];
    const waiting: Array<{ readonly event: string; readonly done: Deferred.Deferred<Announce> }> = [];
    const server = createServer((request, response) => {
      const query = new URL(request.url ?? "/", "http://tracker").searchParams;
      const number = (name: string) => Number(query.get(name));
      const announce: Announce = {
        event: query.get("event") ?? "",
        left: number("left"),
        downloaded: number("downloaded"),
        port: number("port"),
        at: performance.now(),
      };
      announces.push(announce);
      for (const { event, done } of waiting) {
        if (event === announce.event) Deferred.doneUnsafe(done, Effect.succeed(announce));
      }
      if (announce.event !== options.silentOn) response.end(answer);
    });
    server.listen(0, "127.0.0.1");
    yield* Effect.promise(() => once(server, "listening"));
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close();
        server.closeAllConnections();
      }),
    );
    // It listens on TCP.
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}/announce`,
      announces,
      told: (event) =>
        Effect.gen(function* () {
          const seen = announces.find((announce) => announce.event === event);
          if (seen !== undefined) return seen;
          const done = yield* Deferred.make<Announce>();
          waiting.push({ event, done });
          return yield* Deferred.await(done);
        }),
    };
  });
