/** The live block as lines of text: a pure function of what is known and how much room there is. Writing it is the layer's business. */
import type { Progress } from "../../schema/events.ts";
import type { Glyphs, Paint } from "./glyphs.ts";
import type { DisplayState } from "./state.ts";
import { chosenFiles } from "./state.ts";
import * as Text from "./text.ts";

/** How much room there is and what can be shown. */
export interface Frame {
  /** Cells of a line. */
  readonly columns: number;
  /** Lines at the most. */
  readonly rows: number;
  readonly glyphs: Glyphs;
  readonly paint: Paint;
}

/** More files than these get no line of their own. */
const MAX_FILE_LINES = 8;

/** Cells of a file's percentage: ` 42.3%`. */
const PERCENT_CELLS = 6;

const bar = (share: number, cells: number, { glyphs, paint }: Frame): string => {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * cells);
  return paint.done(glyphs.full.repeat(full)) + paint.rest(glyphs.empty.repeat(cells - full));
};

const barLine = (done: number, total: number, frame: Frame): string => {
  const share = total === 0 ? 1 : done / total;
  const cells = Math.max(0, frame.columns - PERCENT_CELLS - 1);
  return `${bar(share, cells, frame)} ${Text.percent(done, total).padStart(PERCENT_CELLS)}`;
};

/** What is told of peers: `12 peers (5 seeds)`. */
export const peersOf = (progress: Progress): string =>
  Text.count(progress.peers, "peer") + (progress.seeds > 0 ? ` (${Text.count(progress.seeds, "seed")})` : "");

/** The facts of a phase, most important first; shared with plain output. */
export const factsOf = (progress: Progress, glyphs: Glyphs): ReadonlyArray<string> => {
  const upload = progress.uploadRate > 0 ? [`${glyphs.up} ${Text.rate(progress.uploadRate)}`] : [];
  switch (progress.phase) {
    case "checking":
      return ["checking what is on disk", Text.sizeOf(progress.done, progress.total)];
    case "metadata":
      return ["fetching the metadata", peersOf(progress)];
    case "finishing":
      return ["finishing", Text.size(progress.total)];
    case "seeding":
      return [
        "seeding",
        `${glyphs.up} ${Text.rate(progress.uploadRate)}`,
        `${Text.size(progress.uploaded)} sent`,
        ...(progress.ratio === undefined ? [] : [`ratio ${progress.ratio.toFixed(2)}`]),
        peersOf(progress),
      ];
    case "downloading":
      return [
        Text.sizeOf(progress.done, progress.total),
        `${glyphs.down} ${Text.rate(progress.downloadRate)}`,
        ...upload,
        ...(progress.eta === undefined ? [] : [`ETA ${Text.seconds(progress.eta)}`]),
        peersOf(progress),
        `${progress.pieces}/${progress.pieceCount} pieces`,
      ];
  }
};

const fileLines = (state: DisplayState, done: ReadonlyArray<number>, frame: Frame): ReadonlyArray<string> => {
  const files = chosenFiles(state);
  if (files.length < 2 || files.length > MAX_FILE_LINES || done.length !== files.length) return [];
  return files.map((file, index) => {
    const tail = Text.percent(done[index] ?? 0, file.size).padStart(PERCENT_CELLS);
    const room = frame.columns - PERCENT_CELLS - 3;
    const path = Text.cut(Text.printable(file.path), room, frame.glyphs.ellipsis);
    return `  ${Text.pad(path, room)} ${tail}`;
  });
};

/** The lines of the block, each at most `columns` wide, at most `rows` of them. */
export const render = (state: DisplayState, frame: Frame): ReadonlyArray<string> => {
  const { columns, glyphs, paint, rows } = frame;
  const { progress } = state;
  const name = paint.name(Text.cut(Text.printable(state.name ?? "starting"), columns, glyphs.ellipsis));
  if (progress === undefined) {
    return [name, ...Text.flow([state.stopping ? "stopping" : "starting"], columns)].slice(0, rows);
  }
  const measured = progress.phase !== "metadata" && progress.phase !== "seeding";
  const facts = state.stopping ? ["stopping: saving what is there, telling the trackers"] : factsOf(progress, glyphs);
  const waiting =
    progress.waiting === undefined || state.stopping
      ? []
      : Text.wrap(`waiting: ${Text.printable(progress.waiting)}`, columns).map(paint.attention);
  const fixed = [
    name,
    ...(measured ? [barLine(progress.done, progress.total, frame)] : []),
    ...Text.flow(facts, columns, glyphs.ellipsis),
  ];
  const files = fileLines(state, progress.files ?? [], frame);
  const roomForFiles = fixed.length + files.length + waiting.length <= rows;
  return [...fixed, ...(roomForFiles ? files : []), ...waiting].slice(0, rows);
};
