/** What the displays know of a download: its events folded into one picture. Pure. */
import type { DownloadEvent, MetadataReady, Progress } from "../../schema/events.ts";

/** The picture so far. */
export interface DisplayState {
  readonly name?: string;
  readonly metadata?: MetadataReady;
  readonly progress?: Progress;
  /** Asked to stop: nothing is fetched any more. */
  readonly stopping: boolean;
  /** All that was chosen is there; what still goes on is sharing. */
  readonly complete: boolean;
  /** The error that ended it was told. */
  readonly failed: boolean;
}

/** Before the first event. */
export const initial: DisplayState = { stopping: false, complete: false, failed: false };

/** The picture after one more event. */
export const after = (state: DisplayState, event: DownloadEvent): DisplayState => {
  switch (event.type) {
    case "started":
      return { ...state, name: event.name };
    case "metadata":
      return { ...state, name: event.name, metadata: event };
    case "progress":
      return { ...state, progress: event };
    case "complete":
      return { ...state, complete: true };
    case "error":
      return { ...state, failed: true };
    default:
      return state;
  }
};

/** Files that were chosen, in order; none before the metadata is there. */
export const chosenFiles = (state: DisplayState): MetadataReady["files"] =>
  state.metadata?.files.filter((file) => file.selected) ?? [];
