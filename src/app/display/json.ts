/** An event as a line of JSON (`--json`). Pure. Its Schemas for readers of such lines are in `schema/eventsJson.ts`. */
import type { DownloadEvent } from "../../schema/events.ts";

/** The line of `event`, with its end; `millis` since 1970. */
export const line = (event: DownloadEvent, millis: number): string => {
  const { type, ...rest } = event;
  return `${JSON.stringify({ type, time: new Date(millis).toISOString(), ...rest })}\n`;
};
