/** A screen that remembers what was written, for tests. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as PubSub from "effect/PubSub";
import * as Stream from "effect/Stream";
import type { Terminal } from "./Screen.ts";
import { Screen } from "./Screen.ts";

/** What a test sees and steers. */
export interface MemoryScreen {
  /** What went to stderr, write by write. */
  readonly written: ReadonlyArray<string>;
  /** What went to stdout, write by write. */
  readonly printed: ReadonlyArray<string>;
  /** Replace it to resize. */
  terminal: Terminal | undefined;
  readonly change: (what: "resized" | "continued") => Effect.Effect<void>;
  readonly layer: Layer.Layer<Screen>;
}

/** Makes a screen in memory; without `terminal` it is a pipe. */
export const make = (terminal?: Terminal): Effect.Effect<MemoryScreen> =>
  Effect.gen(function* () {
    const bus = yield* PubSub.unbounded<"resized" | "continued">();
    const written: Array<string> = [];
    const printed: Array<string> = [];
    const screen: MemoryScreen = {
      written,
      printed,
      terminal,
      change: (what) => PubSub.publish(bus, what),
      layer: Layer.succeed(
        Screen,
        Screen.of({
          terminal: () => screen.terminal,
          answers: () => screen.terminal !== undefined,
          write: (text) => void written.push(text),
          print: (text) => void printed.push(text),
          changes: Stream.fromPubSub(bus),
        }),
      ),
    };
    return screen;
  });
