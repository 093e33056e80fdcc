/** An event as a line of JSON (`--json`). Pure. */
import type { DownloadEvent } from "../../schema/events.ts";
import type { EventJson } from "../../schema/eventsJson.ts";

/** The line of `event`, with its end; `millis` since 1970. */
export const line = (event: DownloadEvent, millis: number): string => {
  // The type holds the Schemas to the events: this does not compile when they differ.
  const timed: EventJson = { ...event, time: new Date(millis).toISOString() };
  return `${JSON.stringify(timed)}\n`;
};
