/**
 * Bytes of files and pieces over HTTP, from web seeds (BEP 17, 19). It asks for what it is told to; which bytes of whom is decided in
 * streams/webSeeds/.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { WebSeedError } from "../../schema/errors/WebSeedError.ts";

/** One request. */
export interface WebRequest {
  readonly url: string;
  /** Bytes that are to come. */
  readonly length: number;
  /** Which part of a resource they are; absent where the URL says all (BEP 17). */
  readonly part?: {
    /** Where the bytes begin in it. */
    readonly from: number;
    /** Its length: one of another length is not what is meant. */
    readonly total: number;
  };
  /** Is given the bytes in order, only valid during the call; `false` when no more are of use, which ends the request without an error. */
  readonly onBytes: (bytes: Uint8Array) => boolean;
}

/** Requests to web seeds. Layers: `services/WebSeed/http.ts`, `services/WebSeed/memory.ts`. */
export class WebSeed extends Context.Service<
  WebSeed,
  {
    /** Ends when all bytes were handed over; never with more or fewer than `length`. Interrupting it closes the connection. */
    readonly fetch: (request: WebRequest) => Effect.Effect<void, WebSeedError>;
  }
>()("bt-effect/services/WebSeed") {}
