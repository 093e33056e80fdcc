/** What is said where no cursor can be moved: whole sentences, one line each. Pure. The live display uses those that stay on the screen. */
import type { Complete, DownloadEvent } from "../../schema/events.ts";
import { asciiGlyphs } from "./glyphs.ts";
import { factsOf } from "./live.ts";
import type { DisplayState } from "./state.ts";
import { chosenFiles } from "./state.ts";
import * as Text from "./text.ts";

/** The one line that stays after completion, or before sharing. */
export const completeLine = (state: DisplayState, event: Complete): string => {
  const name = Text.printable(state.name ?? event.output);
  if (event.downloaded === 0 && event.sharing === true) {
    return `${name}: checked, ${Text.size(event.size)} verified, sharing: ${Text.printable(event.output)}`;
  }
  const how =
    event.downloaded === 0
      ? "nothing had to be fetched"
      : `fetched in ${Text.seconds(event.seconds)} (${Text.rate(event.downloaded / Math.max(event.seconds, 0.001))})`;
  return `${name}: complete, ${Text.size(event.size)} verified, ${how}: ${Text.printable(event.output)}`;
};

/** The one line that stays when sharing has ended; absent where there was none. */
const sharedLine = ({ name, progress }: DisplayState): string | undefined => {
  if (progress?.phase !== "seeding") return undefined;
  const ratio = progress.ratio === undefined ? "" : `, ratio ${progress.ratio.toFixed(2)}`;
  return `${Text.printable(name ?? "")}: shared, ${Text.size(progress.uploaded)} sent${ratio}`;
};

/** The line for a `progress`. */
export const progressLine = (state: DisplayState): string | undefined => {
  const { progress } = state;
  if (progress === undefined) return undefined;
  const measured = progress.phase !== "metadata" && progress.phase !== "seeding";
  const share = measured ? [Text.percent(progress.done, progress.total)] : [];
  const waiting = progress.waiting === undefined ? [] : [`waiting: ${Text.printable(progress.waiting)}`];
  return [...share, ...factsOf(progress, asciiGlyphs), ...waiting].join(", ");
};

/** The line that an event other than `progress` gets; absent where it gets none. `state` is the picture after it. */
export const eventLine = (state: DisplayState, event: DownloadEvent): string | undefined => {
  const name = Text.printable(state.name ?? "");
  switch (event.type) {
    case "started":
      return event.size === undefined ? `${name}: fetching the metadata` : undefined;
    case "metadata": {
      const files = chosenFiles(state).length;
      const chosen = files === event.files.length ? "" : ` of ${event.files.length}`;
      const what = `${Text.size(event.selectedSize)} in ${files}${chosen} ${event.files.length === 1 ? "file" : "files"}`;
      return `${name}: ${what}, into ${Text.printable(event.output)}`;
    }
    case "resumed":
      return event.bytes === 0 ? undefined : `${name}: ${Text.size(event.bytes)} are there already`;
    case "progress":
      return undefined;
    default:
      return remarkOf(state, event);
  }
};

/** What stays on the screen whatever the display: how it ended, warnings, and what a tracker has to say. */
export const remarkOf = (state: DisplayState, event: DownloadEvent): string | undefined => {
  if (event.type === "complete") return completeLine(state, event);
  if (event.type === "stopped") return sharedLine(state);
  if (event.type === "warning") return `warning: ${Text.printable(event.message)}`;
  if (event.type === "tracker" && event.code === "tracker.rejected") {
    return `warning: ${Text.printable(event.message ?? event.url)}`;
  }
  return undefined;
};
