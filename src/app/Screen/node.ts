/**
 * The standard streams of this process. Life cycle: the listeners for resizing and continuing live as long as `changes` runs; those that
 * swallow the errors of closed streams stay, since such an error may come as late as the end of the process.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Queue from "effect/Queue";
import * as Stream from "effect/Stream";
import { Screen } from "./Screen.ts";

const present = (value: string | undefined): boolean => value !== undefined && value !== "";

/** The first of the locale's variables that is set decides (POSIX). */
const isUnicode = (): boolean => {
  const locale = [process.env["LC_ALL"], process.env["LC_CTYPE"], process.env["LANG"]].find(present);
  return process.platform === "win32" || /utf-?8/i.test(locale ?? "");
};

/** The reader of a pipe went away (`bt-effect … | head`): nobody is left to be told. */
const ignore = () => {};

/** The screen of this process. */
export const layer = Layer.effect(
  Screen,
  Effect.sync(() => {
    const { stderr, stdout } = process;
    stderr.on("error", ignore);
    stdout.on("error", ignore);
    const unicode = isUnicode();
    const color = !present(process.env["NO_COLOR"]);
    const movable = stderr.isTTY && process.env["TERM"] !== "dumb";
    return Screen.of({
      // A serial line, or a program that plays terminal, may not know its size: it says 0.
      terminal: () =>
        movable ? { columns: stderr.columns || 80, rows: stderr.rows || 24, color, unicode } : undefined,
      answers: () => movable && process.stdin.isTTY,
      write: (text) => void stderr.write(text),
      print: (text) => void stdout.write(text),
      changes: Stream.callback<"resized" | "continued">(
        (queue) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const resized = () => Queue.offerUnsafe(queue, "resized" as const);
              const continued = () => Queue.offerUnsafe(queue, "continued" as const);
              process.on("SIGWINCH", resized);
              process.on("SIGCONT", continued);
              return { resized, continued };
            }),
            ({ resized, continued }) =>
              Effect.sync(() => {
                process.off("SIGWINCH", resized);
                process.off("SIGCONT", continued);
              }),
          ),
        { bufferSize: 4, strategy: "sliding" },
      ),
    });
  }),
);
