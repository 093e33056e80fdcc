/** The progress of hashing files: one line redrawn in place on a terminal, an event a second with `--json`, else nothing. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { monotonicMillis } from "../services/time.ts";
import * as Text from "./display/text.ts";
import type { OutputFlags } from "./output.ts";
import { Screen } from "./Screen/Screen.ts";

/** Between two drawings, and between two events of `--json`, ms. */
const FRAME_MILLIS = 120;
const EVENT_MILLIS = 1_000;

const CLEAR_LINE = "\r\u{1b}[2K";

/** Hands `use` a function that shows how far the hashing is, and takes the line away when it ends. */
export const withHashingLine = <A, E, R>(
  flags: Pick<OutputFlags, "json" | "quiet">,
  use: (onProgress: (done: number, total: number) => void) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R | Screen> =>
  Effect.gen(function* () {
    const screen = yield* Screen;
    const clock = yield* Clock.Clock;
    const startedAt = monotonicMillis(clock);
    let next = startedAt + (flags.json ? EVENT_MILLIS : FRAME_MILLIS);
    let drawn = false;

    const draw = (done: number, total: number, columns: number, rate: number): void => {
      const left = rate > 0 ? `  ${Text.seconds((total - done) / rate)} left` : "";
      const percent = `hashing  ${Text.percent(done, total)}`;
      const whole = `${percent}  ${Text.sizeOf(done, total)}  ${Text.rate(rate)}${left}`;
      // Where there is no room for everything, the sizes tell least.
      const text = Text.width(whole) < columns ? whole : `${percent}  ${Text.rate(rate)}${left}`;
      screen.write(`${CLEAR_LINE}${Text.cut(text, columns - 1)}`);
      drawn = true;
    };
    const show = (done: number, total: number): void => {
      const now = monotonicMillis(clock);
      if (now < next || flags.quiet) return;
      next = now + (flags.json ? EVENT_MILLIS : FRAME_MILLIS);
      if (flags.json) {
        const time = new Date(clock.currentTimeMillisUnsafe()).toISOString();
        return screen.print(`${JSON.stringify({ type: "hashing", time, done, total })}\n`);
      }
      const terminal = screen.terminal();
      if (terminal !== undefined) draw(done, total, terminal.columns, done / ((now - startedAt) / 1000));
    };
    return yield* Effect.ensuring(
      use(show),
      Effect.sync(() => {
        if (drawn) screen.write(CLEAR_LINE);
      }),
    );
  });
