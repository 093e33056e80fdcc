import { assert, describe, it } from "@effect/vitest";
import { completeLine, eventLine, progressLine } from "../../../src/app/display/plain.ts";
import type { DownloadEvent } from "../../../src/schema/events.ts";
import { complete, metadata, oneFile, progress, started, stateOf } from "./events.ts";

const said = (event: DownloadEvent, ...before: ReadonlyArray<DownloadEvent>) =>
  eventLine(stateOf(...before, event), event);

describe("plain", () => {
  it("says once what is fetched and where to", () => {
    assert.isUndefined(said(started));
    assert.strictEqual(
      said(oneFile, started),
      "debian-12.5.0-amd64-netinst.iso: 650.0 MiB in 1 file, into /home/me/debian-12.5.0-amd64-netinst.iso",
    );
  });

  it("says that a magnet's metadata comes first", () => {
    const { size: _size, ...magnet } = started as Extract<DownloadEvent, { type: "started" }>;
    assert.strictEqual(said(magnet), "debian-12.5.0-amd64-netinst.iso: fetching the metadata");
  });

  it("says how many files were chosen", () => {
    const some = metadata({ a: 1, b: 2 }, "x");
    const chosen = {
      ...some,
      selectedSize: 1024,
      files: some.files.map((file, i) => ({ ...file, selected: i === 0 })),
    };
    assert.strictEqual(said(chosen, started), "x: 1.0 KiB in 1 of 2 files, into /home/me/x");
  });

  it("says what is there already, if anything is", () => {
    assert.strictEqual(
      said({ type: "resumed", bytes: 2048, pieces: 2, from: "record" }, started),
      "debian-12.5.0-amd64-netinst.iso: 2.0 KiB are there already",
    );
    assert.isUndefined(said({ type: "resumed", bytes: 0, pieces: 0, from: "none" }, started));
  });

  it("says how it goes in one line of ASCII", () => {
    assert.strictEqual(
      progressLine(stateOf(started, oneFile, progress({ waiting: "12 peers, all choking us" }))),
      "42.3%, 275.0 of 650.0 MiB, down 8.2 MiB/s, up 120.0 KiB/s, ETA 46s, 12 peers (5 seeds), 275/650 pieces, waiting: 12 peers, all choking us",
    );
  });

  it("ends in one line", () => {
    assert.strictEqual(
      said(complete, started, oneFile),
      "debian-12.5.0-amd64-netinst.iso: complete, 650.0 MiB verified, fetched in 1m 20s (8.1 MiB/s): /home/me/debian-12.5.0-amd64-netinst.iso",
    );
  });

  it("says when nothing had to be fetched", () => {
    const event = { ...(complete as Extract<DownloadEvent, { type: "complete" }>), downloaded: 0 };
    assert.include(completeLine(stateOf(started), event), "complete, 650.0 MiB verified, nothing had to be fetched: ");
    const shared = completeLine(stateOf(started), { ...event, sharing: true });
    assert.include(shared, "checked, 650.0 MiB verified, sharing: /home/me/");
  });

  it("passes on what trackers say, but not that one does not answer", () => {
    const failed = { type: "tracker", url: "http://t", state: "failed" } as const;
    assert.strictEqual(
      said({ ...failed, code: "tracker.rejected", message: "http://t: the tracker says: not registered" }),
      "warning: http://t: the tracker says: not registered",
    );
    assert.isUndefined(said({ ...failed, code: "tracker.timed-out", message: "http://t: no answer" }));
  });
});
