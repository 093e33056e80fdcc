/**
 * The terminal (or pipe, or file) that the program speaks to: stderr for people, stdout for results. It knows nothing of what is said.
 * Writing to an end that was closed is silently given up: the program goes on.
 */
import * as Context from "effect/Context";
import type * as Stream from "effect/Stream";

/** What a terminal can show. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** Whether characters outside of ASCII can be shown. */
  readonly unicode: boolean;
}

/** Standard streams. Layers: `app/Screen/node.ts`, `app/Screen/memory.ts`. */
export class Screen extends Context.Service<
  Screen,
  {
    /** What stderr is at this moment; absent unless it is a terminal whose cursor can be moved. */
    readonly terminal: () => Terminal | undefined;
    /** Whether somebody sits there who can be asked: stdin is a terminal, too. */
    readonly answers: () => boolean;
    /** Writes to stderr at once. */
    readonly write: (text: string) => void;
    /** Writes to stdout at once. */
    readonly print: (text: string) => void;
    /** `resized`: the terminal changed its size; `continued`: the process was stopped (Ctrl-Z) and goes on. */
    readonly changes: Stream.Stream<"resized" | "continued">;
  }
>()("bt-effect/app/Screen") {}
