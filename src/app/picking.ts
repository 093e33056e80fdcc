/** `--pick`: asks on the terminal which files of a torrent are to be fetched. What it draws goes to stderr, as all that is for people. */
import * as Effect from "effect/Effect";
import * as Prompt from "effect/cli/Prompt";
import * as Terminal from "effect/Terminal";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { DownloadRequest, SelectPattern } from "../streams/request.ts";
import { selectFiles } from "../streams/selection.ts";
import { type Choice, frame, type Picking, press, summary } from "./display/picker.ts";
import * as Text from "./display/text.ts";
import * as ScreenModule from "./Screen/Screen.ts";
import { UsageError } from "./UsageError.ts";

const CLEAR_DOWN = "\r\u{1b}[J";
const up = (lines: number): string => (lines > 0 ? `\u{1b}[${lines}A` : "");

/** Chosen positions in a torrent as one pattern of `--select`: `0,2-4`. */
const rangesOf = (indices: ReadonlyArray<number>): SelectPattern => {
  const ranges: Array<[first: number, last: number]> = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return { _tag: "Ranges", ranges };
};

const nextFrame = (state: Picking) => ({ _tag: "NextFrame", state }) as const;

/** The list as a prompt; its answer are positions in the list. */
const promptOf = (
  name: string,
  choices: ReadonlyArray<Choice>,
  initial: ReadonlySet<number>,
  terminal: () => ScreenModule.Terminal,
) => {
  const lines = (picking: Picking) => frame(name, choices, picking, terminal());
  return Prompt.Custom<Picking, ReadonlyArray<number>>(
    { cursor: 0, chosen: initial, refused: false },
    {
      render: (_, action) =>
        Effect.sync(() => {
          switch (action._tag) {
            case "Beep":
              return "\u{7}";
            case "NextFrame":
              return lines(action.state).join("\n");
            case "Submit":
              return `${Text.cut(summary(choices, new Set(action.value)), terminal().columns - 1)}: ${Text.printable(name)}\n`;
          }
        }),
      process: ({ key }, picking) =>
        Effect.sync(() => {
          if (key.name === "enter" || key.name === "return") {
            if (picking.chosen.size === 0) return nextFrame({ ...picking, refused: true });
            return { _tag: "Submit", value: [...picking.chosen].toSorted((a, b) => a - b) } as const;
          }
          const next = press(key.name, picking, choices.length, terminal());
          return next === picking ? ({ _tag: "Beep" } as const) : nextFrame(next);
        }),
      clear: (picking) => Effect.sync(() => up(lines(picking).length - 1) + CLEAR_DOWN),
    },
  );
};

/** The terminal to ask on. */
const askable = Effect.gen(function* () {
  const screen = yield* ScreenModule.Screen;
  const terminal = screen.terminal();
  return terminal !== undefined && screen.answers()
    ? terminal
    : yield* new UsageError({
        kind: "invalid",
        problem: "--pick asks on a terminal, and this is none",
        hint: "choose with --select; --dry-run shows the files",
      });
});

/** Asks; `selected` are the files that are chosen at first. Stopped by ctrl-c it is interrupted. */
const pickFiles = Effect.fnUntraced(function* (info: TorrentInfo, selected: ReadonlyArray<number>) {
  const screen = yield* ScreenModule.Screen;
  const terminal = yield* Terminal.Terminal;
  const first = yield* askable;
  const choices = info.files.flatMap(({ length, pad, path }, index): ReadonlyArray<Choice> =>
    pad ? [] : [{ index, path: path.join("/"), size: length }],
  );
  const chosen = new Set(selected);
  const initial = new Set(choices.flatMap(({ index }, position) => (chosen.has(index) ? [position] : [])));
  const positions = yield* Prompt.run(promptOf(info.name, choices, initial, () => screen.terminal() ?? first)).pipe(
    Effect.provideService(Terminal.Terminal, {
      ...terminal,
      display: (text) => Effect.sync(() => screen.write(text)),
    }),
    Effect.catchTag("QuitError", () => {
      screen.write("\n");
      return Effect.interrupt;
    }),
  );
  return positions.flatMap((position) => choices[position]?.index ?? []);
});

/** The request for the files that the user picks, those that it selects chosen at first; `learn` gets the metadata of a link. */
export const pick = Effect.fnUntraced(function* <E, R>(
  request: DownloadRequest,
  learn: (request: DownloadRequest) => Effect.Effect<TorrentInfo, E, R>,
) {
  yield* askable;
  const { source } = request;
  const info = source._tag === "Metainfo" ? source.metainfo.info : yield* learn(request);
  const selected = yield* Effect.fromResult(selectFiles(info, request));
  return { ...request, select: [rangesOf(yield* pickFiles(info, selected))] };
});
