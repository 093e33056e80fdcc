/** Web seeds that are functions, for tests: what they give is handed over in pieces as from a socket. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { WebSeedError, type WebSeedReason } from "../../schema/errors/WebSeedError.ts";
import { type WebRequest, WebSeed } from "./WebSeed.ts";

/** Bytes handed over at once. */
const CHUNK = 10_000;

/** What a seed of a test answers: the bytes of the part that was asked for, or of what the URL says. */
export type Answer = (request: Pick<WebRequest, "url" | "part" | "length">) => Effect.Effect<Uint8Array, WebSeedReason>;

/** Seeds that answer like this. */
export const layerWith = (answer: Answer): Layer.Layer<WebSeed> =>
  Layer.succeed(
    WebSeed,
    WebSeed.of({
      fetch: (request) =>
        answer(request).pipe(
          Effect.flatMap((bytes) => {
            for (let at = 0; at < bytes.length; at += CHUNK)
              if (!request.onBytes(bytes.subarray(at, at + CHUNK))) return Effect.void;
            return bytes.length === request.length
              ? Effect.void
              : Effect.fail<WebSeedReason>({ _tag: "Malformed", why: "it is of another length" });
          }),
          Effect.mapError((reason) => new WebSeedError({ url: request.url, reason })),
        ),
    }),
  );

/** No web at all. */
export const layer = layerWith(({ url }) => Effect.fail({ _tag: "UnknownHost", host: url }));
