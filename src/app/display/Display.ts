/**
 * Shows a download to whoever watches. Layers: `layerLive` (a block on a terminal, redrawn in place), `layerPlain` (lines), `layerJson` (events
 * on stdout), `layerQuiet`.
 *
 * Life cycle: what the live block occupies is given back when the layer ends; lines said meanwhile are written above it.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Stream from "effect/Stream";
import type { DownloadEvent } from "../../schema/events.ts";
import type { Terminal } from "../Screen/Screen.ts";
import { monotonicMillis } from "../../services/time.ts";
import { Screen } from "../Screen/Screen.ts";
import { asciiGlyphs, colors, noColors, unicodeGlyphs } from "./glyphs.ts";
import * as Json from "./json.ts";
import { render } from "./live.ts";
import * as Plain from "./plain.ts";
import * as State from "./state.ts";
import * as Text from "./text.ts";

/** Where the events of a download and the lines of the log go. */
export class Display extends Context.Service<
  Display,
  {
    readonly show: (event: DownloadEvent) => Effect.Effect<void>;
    /** Writes a line to stderr (its end is added) without garbling what is shown. */
    readonly say: (line: string) => void;
    /** The download was asked to stop and puts things in order. */
    readonly stopping: Effect.Effect<void>;
    /** The picture at this moment. */
    readonly state: () => State.DisplayState;
  }
>()("bt-effect/app/Display") {}

/** Redraws at the most this often, ms: events may come in bursts. */
const FRAME_MILLIS = 120;

/** Between two lines of progress where there is no live block, ms (docs/cli contract). */
const PLAIN_MILLIS = 10_000;

const CLEAR_BELOW = "\u{1b}[J";
const CLEAR_RIGHT = "\u{1b}[K";
const up = (lines: number) => (lines > 0 ? `\u{1b}[${lines}A` : "");

/** Lines of the terminal that text takes at its present width: it may have become narrower since it was written. */
const linesTaken = (widths: ReadonlyArray<number>, columns: number): number =>
  widths.reduce((sum, cells) => sum + Math.max(1, Math.ceil(cells / columns)), 0);

/** A block that is redrawn in place. The cursor rests below it, where the `^C` that a terminal echoes does no harm. */
const makeBlock = (screen: Screen["Service"]) => {
  let widths: ReadonlyArray<number> = [];
  const toTop = (columns: number) => (widths.length === 0 ? "" : `\r${up(linesTaken(widths, columns))}`);
  return {
    draw: (state: State.DisplayState, terminal: Terminal) => {
      const columns = Math.max(10, terminal.columns - 1);
      const lines = render(state, {
        columns,
        rows: Math.max(1, terminal.rows - 1),
        glyphs: terminal.unicode ? unicodeGlyphs : asciiGlyphs,
        paint: terminal.color ? colors : noColors,
      });
      const text = lines.map((line) => `${line}${CLEAR_RIGHT}\n`).join("");
      screen.write(`${toTop(terminal.columns)}${text}${CLEAR_BELOW}`);
      widths = lines.map(Text.width);
    },
    clear: (terminal: Terminal) => {
      if (widths.length > 0) screen.write(`${toTop(terminal.columns)}${CLEAR_BELOW}`);
      widths = [];
    },
    /** What is on the screen is no longer ours: other programs have written since. */
    forget: () => {
      widths = [];
    },
  };
};

/** The block on a terminal. */
export const layerLive = Layer.effect(
  Display,
  Effect.gen(function* () {
    const screen = yield* Screen;
    const block = makeBlock(screen);
    let state = State.initial;
    let changed = false;
    let shown = false;
    const clear = () => {
      const terminal = screen.terminal();
      if (terminal !== undefined) block.clear(terminal);
    };
    const draw = () => {
      const terminal = screen.terminal();
      changed = false;
      if (terminal !== undefined && shown) block.draw(state, terminal);
    };
    const say = (line: string) => {
      clear();
      screen.write(`${line}\n`);
      draw();
    };
    yield* Effect.addFinalizer(() => Effect.sync(clear));
    const frame = Effect.sync(() => {
      if (changed) draw();
    });
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(FRAME_MILLIS), frame)));
    yield* Effect.forkScoped(
      Stream.runForEach(screen.changes, (what) =>
        Effect.sync(() => {
          if (what === "continued") block.forget();
          draw();
        }),
      ),
    );
    return Display.of({
      show: (event) =>
        Effect.sync(() => {
          state = State.after(state, event);
          const first = !shown;
          shown = event.type !== "complete" && event.type !== "stopped" && event.type !== "error";
          const remark = Plain.remarkOf(state, event);
          if (remark !== undefined) return say(remark);
          if (first || !shown) return shown ? draw() : clear();
          changed = true;
        }),
      say,
      stopping: Effect.sync(() => {
        state = { ...state, stopping: true };
        draw();
      }),
      state: () => state,
    });
  }),
);

/** Lines: at the start, every 10 s, at the end. */
export const layerPlain = Layer.effect(
  Display,
  Effect.gen(function* () {
    const screen = yield* Screen;
    const clock = yield* Clock.Clock;
    let state = State.initial;
    let next = 0;
    const say = (line: string) => screen.write(`${line}\n`);
    return Display.of({
      show: (event) =>
        Effect.sync(() => {
          const now = monotonicMillis(clock);
          state = State.after(state, event);
          if (next === 0) next = now + PLAIN_MILLIS;
          const due = event.type === "progress" && now >= next;
          if (due) next = now + PLAIN_MILLIS;
          const line = due ? Plain.progressLine(state) : Plain.eventLine(state, event);
          if (line !== undefined) say(line);
        }),
      say,
      stopping: Effect.void,
      state: () => state,
    });
  }),
);

const withoutScreen = (screen: Screen["Service"], write: (event: DownloadEvent, now: number) => void) => {
  let state = State.initial;
  return Display.of({
    show: (event) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        state = State.after(state, event);
        write(event, now);
      }),
    say: (line) => screen.write(`${line}\n`),
    stopping: Effect.void,
    state: () => state,
  });
};

/** Events on stdout. */
export const layerJson = Layer.effect(
  Display,
  Effect.map(Screen, (screen) => withoutScreen(screen, (event, now) => screen.print(Json.line(event, now)))),
);

/** Nothing but what must be said. */
export const layerQuiet = Layer.effect(
  Display,
  Effect.map(Screen, (screen) => withoutScreen(screen, () => {})),
);

/** The display that fits the flags and the screen. */
export const layer = (flags: {
  readonly json: boolean;
  readonly quiet: boolean;
}): Layer.Layer<Display, never, Screen> =>
  Layer.unwrap(
    Effect.map(Screen, (screen) => {
      if (flags.json) return layerJson;
      if (flags.quiet) return layerQuiet;
      return screen.terminal() === undefined ? layerPlain : layerLive;
    }),
  );
