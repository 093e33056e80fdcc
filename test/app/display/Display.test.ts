import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Layer } from "effect";
import { TestClock } from "effect/testing";
import { Display, layer } from "../../../src/app/display/Display.ts";
import * as ScreenMemory from "../../../src/app/Screen/memory.ts";
import type { Terminal } from "../../../src/app/Screen/Screen.ts";
import { wallClock } from "../../support/wallClock.ts";
import { complete, oneFile, progress, started } from "./events.ts";

const terminal: Terminal = { columns: 80, rows: 24, color: false, unicode: true };

const flags = { json: false, quiet: false };

/** Runs with the display that fits; gives the screen that it wrote to. */
const withDisplay = <E>(
  options: { readonly terminal?: Terminal; readonly json?: boolean; readonly quiet?: boolean },
  use: (display: Display["Service"], screen: ScreenMemory.MemoryScreen) => Effect.Effect<void, E>,
) =>
  Effect.gen(function* () {
    const screen = yield* ScreenMemory.make(options.terminal);
    yield* Display.use((display) => use(display, screen)).pipe(
      Effect.provide(Layer.provide(layer({ ...flags, ...options }), screen.layer)),
    );
    return screen;
  });

/** What a terminal shows after these writes: understands the few sequences that the block uses. */
const shown = (writes: ReadonlyArray<string>): ReadonlyArray<string> => {
  const rows: Array<string> = [""];
  let row = 0;
  let column = 0;
  for (const [token] of writes.join("").matchAll(/\u{1b}\[\d*[A-Z]|\r|\n|[^\u{1b}\r\n]+/gu)) {
    if (token === "\r") column = 0;
    else if (token === "\n") {
      row++;
      column = 0;
      rows[row] ??= "";
    } else if (token === "\u{1b}[K") rows[row] = (rows[row] ?? "").slice(0, column);
    else if (token === "\u{1b}[J") {
      rows[row] = (rows[row] ?? "").slice(0, column);
      rows.length = row + 1;
    } else if (token.startsWith("\u{1b}")) row -= Number(token.slice(2, -1));
    else {
      rows[row] =
        (rows[row] ?? "").slice(0, column).padEnd(column) + token + (rows[row] ?? "").slice(column + token.length);
      column += token.length;
    }
  }
  assert.isAtLeast(row, 0);
  assert.strictEqual(rows.pop(), "", "the cursor rests below what is shown");
  return rows;
};

describe("Display on a terminal", () => {
  it.effect("redraws its block in place", () =>
    withDisplay({ terminal }, (display, screen) =>
      Effect.gen(function* () {
        yield* display.show(started);
        yield* display.show(oneFile);
        yield* display.show(progress());
        yield* TestClock.adjust("200 millis");
        const lines = shown(screen.written);
        assert.strictEqual(lines.length, 4);
        assert.strictEqual(lines[0], "debian-12.5.0-amd64-netinst.iso");
        yield* display.show(progress({ pieces: 276 }));
        yield* TestClock.adjust("200 millis");
        assert.strictEqual(shown(screen.written).length, 4);
        assert.strictEqual(shown(screen.written)[3], "276/650 pieces");
      }),
    ),
  );

  it.effect("draws bursts of events once a frame", () =>
    withDisplay({ terminal }, (display, screen) =>
      Effect.gen(function* () {
        yield* display.show(started);
        const before = screen.written.length;
        for (let pieces = 0; pieces < 100; pieces++) yield* display.show(progress({ pieces }));
        yield* TestClock.adjust("500 millis");
        assert.strictEqual(screen.written.length - before, 1);
      }),
    ),
  );

  it.effect("ends as one clean line", () =>
    Effect.gen(function* () {
      const screen = yield* withDisplay({ terminal }, (display) =>
        Effect.gen(function* () {
          for (const event of [started, oneFile, progress()]) yield* display.show(event);
          yield* TestClock.adjust("200 millis");
          yield* display.show(complete);
          yield* TestClock.adjust("1 second");
        }),
      );
      const lines = shown(screen.written);
      assert.strictEqual(lines.length, 1);
      assert.match(lines[0] ?? "", /^debian-12\.5\.0-amd64-netinst\.iso: complete, /);
    }),
  );

  it.effect("writes what is said above the block", () =>
    withDisplay({ terminal }, (display, screen) =>
      Effect.gen(function* () {
        for (const event of [started, oneFile, progress()]) yield* display.show(event);
        yield* TestClock.adjust("200 millis");
        display.say("a line of the log");
        yield* display.show({ type: "warning", code: "resume.unusable", message: "the disk is read-only" });
        const lines = shown(screen.written);
        assert.deepStrictEqual(lines.slice(0, 3), [
          "a line of the log",
          "warning: the disk is read-only",
          "debian-12.5.0-amd64-netinst.iso",
        ]);
        assert.strictEqual(lines.length, 6);
      }),
    ),
  );

  it.effect("leaves nothing behind when it ends without completion", () =>
    Effect.gen(function* () {
      const screen = yield* withDisplay({ terminal }, (display) =>
        Effect.gen(function* () {
          for (const event of [started, oneFile, progress()]) yield* display.show(event);
          yield* TestClock.adjust("200 millis");
        }),
      );
      assert.deepStrictEqual(shown(screen.written), []);
    }),
  );

  it.effect("counts the lines that its block takes in a terminal that became narrower", () =>
    withDisplay({ terminal }, (display, screen) =>
      Effect.gen(function* () {
        for (const event of [started, oneFile, progress()]) yield* display.show(event);
        yield* TestClock.adjust("200 millis");
        screen.terminal = { ...terminal, columns: 40 };
        yield* screen.change("resized");
        yield* Effect.yieldNow;
        // 31, 79, 76 and 14 cells take 1 + 2 + 2 + 1 lines of 40.
        assert.isTrue(screen.written.at(-1)?.startsWith("\r\u{1b}[6Adebian"), JSON.stringify(screen.written.at(-1)));
      }),
    ),
  );

  it.effect("begins a new block where the process goes on after Ctrl-Z", () =>
    withDisplay({ terminal }, (display, screen) =>
      Effect.gen(function* () {
        for (const event of [started, oneFile, progress()]) yield* display.show(event);
        yield* TestClock.adjust("200 millis");
        yield* screen.change("continued");
        yield* Effect.yieldNow;
        assert.isTrue(screen.written.at(-1)?.startsWith("debian"), JSON.stringify(screen.written.at(-1)));
      }),
    ),
  );
});

describe("Display elsewhere", () => {
  it.effect("writes a line at the start, every 10 s and at the end", () =>
    Effect.gen(function* () {
      const screen = yield* withDisplay({}, (display) =>
        Effect.gen(function* () {
          yield* display.show(started);
          yield* display.show(oneFile);
          for (let second = 1; second <= 25; second++) {
            yield* TestClock.adjust("1 second");
            yield* display.show(progress({ pieces: second }));
          }
          yield* display.show(complete);
        }),
      );
      assert.deepStrictEqual(
        screen.written.map((line) => /into|\d+\/650 pieces|complete/.exec(line)?.[0]),
        ["into", "10/650 pieces", "20/650 pieces", "complete"],
      );
      for (const line of screen.written) assert.match(line, /^[\x20-\x7e]+\n$/);
    }),
  );

  it.effect(
    "writes a line every 10 s when the clock on the wall is set back, too, and none sooner when it is set forward",
    () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock;
        let hours = 0;
        const jumping = wallClock(clock, () => hours);
        const screen = yield* withDisplay({}, (display) =>
          Effect.gen(function* () {
            yield* display.show(started);
            yield* display.show(oneFile);
            for (let second = 1; second <= 25; second++) {
              if (second === 5) hours = -2;
              if (second === 15) hours = 2;
              yield* Effect.provideService(TestClock.adjust("1 second"), Clock.Clock, clock);
              yield* display.show(progress({ pieces: second }));
            }
          }).pipe(Effect.provideService(Clock.Clock, jumping)),
        );
        assert.deepStrictEqual(
          screen.written.map((line) => /into|\d+\/650 pieces/.exec(line)?.[0]),
          ["into", "10/650 pieces", "20/650 pieces"],
        );
      }),
  );

  it.effect("writes events and nothing else to stdout with --json", () =>
    Effect.gen(function* () {
      const screen = yield* withDisplay({ json: true, terminal }, (display) =>
        Effect.forEach([started, oneFile, progress(), complete], display.show, { discard: true }),
      );
      assert.deepStrictEqual(
        screen.printed.map((line) => /"type":"(\w+)"/.exec(line)?.[1]),
        ["started", "metadata", "progress", "complete"],
      );
      assert.deepStrictEqual(screen.written, []);
    }),
  );

  it.effect("writes nothing on success with --quiet", () =>
    Effect.gen(function* () {
      const screen = yield* withDisplay({ quiet: true, terminal }, (display) =>
        Effect.forEach([started, oneFile, progress(), complete], display.show, { discard: true }),
      );
      assert.deepStrictEqual([...screen.printed, ...screen.written], []);
    }),
  );
});
