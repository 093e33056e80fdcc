import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Schema } from "effect";
import { line } from "../../../src/app/display/json.ts";
import type { DownloadEvent } from "../../../src/schema/events.ts";
import { EventJson, EventLine } from "../../../src/schema/eventsJson.ts";
import { complete, oneFile, progress, started } from "./events.ts";

const events: ReadonlyArray<DownloadEvent> = [
  started,
  oneFile,
  { type: "resumed", bytes: 1, pieces: 1, from: "hashed" },
  progress({ files: [1, 2], waiting: "asking 3 trackers" }),
  { type: "peer", address: "10.0.0.1:6881", state: "banned", direction: "incoming", code: "peer.banned", message: "m" },
  { type: "tracker", url: "udp://t:1", state: "ok", peers: 3, seeders: 2, leechers: 1, next: 1800 },
  { type: "warning", code: "resume.unusable", message: "m" },
  complete,
  { type: "stopped", done: 1, total: 2 },
  { type: "error", code: "storage.no-space", message: "m" },
];

describe("json", () => {
  for (const event of events) {
    it.effect(`writes ${event.type} as one line that its Schema reads back`, () =>
      Effect.gen(function* () {
        const text = line(event, Date.UTC(2026, 0, 2, 3, 4, 5, 6));
        assert.match(text, /^[^\n]+\n$/);
        const read = yield* Schema.decodeEffect(EventLine)(text, { onExcessProperty: "error" });
        assert.deepStrictEqual(read, { ...event, time: "2026-01-02T03:04:05.006Z" });
      }),
    );
  }

  it.effect("has Schemas that refuse what is no event", () =>
    Effect.gen(function* () {
      for (const wrong of [
        { type: "started" },
        { type: "other", time: "2026-01-02T03:04:05.006Z" },
        { ...complete, time: "now" },
      ]) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Schema.decodeUnknownEffect(EventJson)(wrong))));
      }
    }),
  );
});
