/** What is told of trackers, as events: how an announce ended, and what the tracker itself has to say. */
import type { TrackerError } from "../schema/errors/TrackerError.ts";
import type { DownloadEvent } from "../schema/events.ts";
import type { AnnounceResponse } from "../schema/tracker.ts";
import type { Waits } from "./announceSchedule.ts";
import type { Contact } from "./contacts.ts";

/** An answer and when to ask again. */
export interface Answer {
  readonly contact: Contact;
  readonly response: AnnounceResponse;
  readonly waits: Waits;
}

/** A tracker answered. */
export const answered = ({ contact, response, waits }: Answer): DownloadEvent => ({
  type: "tracker",
  url: contact.url,
  state: "ok",
  peers: response.peers.length,
  ...(response.seeders !== undefined && { seeders: response.seeders }),
  ...(response.leechers !== undefined && { leechers: response.leechers }),
  next: waits.next,
  ...(waits.earliest < waits.next && { soonest: waits.earliest }),
});

/** A tracker added a warning to its answer. */
export const warned = (url: string, warning: string): DownloadEvent => ({
  type: "warning",
  code: "tracker.warning",
  message: `${url}: the tracker warns: ${warning}`,
});

/** An announce failed; `next` is the wait in seconds until a tracker in its place is asked, when nobody is asked meanwhile. */
export const failed = (error: TrackerError, next?: number): DownloadEvent => ({
  type: "tracker",
  url: error.url,
  state: "failed",
  ...(next !== undefined && Number.isFinite(next) && { next: Math.ceil(next) }),
  code: error.code,
  message: error.message,
});

/** Nobody waits for the answer any more: whoever counts the trackers that are being asked must hear of it. */
export const abandoned = (url: string): DownloadEvent => ({
  type: "tracker",
  url,
  state: "failed",
  code: "tracker.abandoned",
  message: `${url}: no answer so far, and nobody waits for it any more`,
});
