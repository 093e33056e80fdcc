/** Events of made-up downloads, for tests of displays. */
import type { DownloadEvent, MetadataReady, Progress } from "../../../src/schema/events.ts";
import type { Frame } from "../../../src/app/display/live.ts";
import { noColors, unicodeGlyphs } from "../../../src/app/display/glyphs.ts";
import * as State from "../../../src/app/display/state.ts";

export const MIB = 1024 * 1024;

export const started: DownloadEvent = {
  type: "started",
  infoHash: "0123456789012345678901234567890123456789",
  name: "debian-12.5.0-amd64-netinst.iso",
  output: "/home/me/debian-12.5.0-amd64-netinst.iso",
  size: 650 * MIB,
  port: 51_413,
};

/** Metadata of a torrent with the given files, in MiB. */
export const metadata = (
  files: Readonly<Record<string, number>>,
  name = "debian-12.5.0-amd64-netinst.iso",
): MetadataReady => {
  const size = Object.values(files).reduce((sum, mib) => sum + mib * MIB, 0);
  return {
    type: "metadata",
    infoHash: "0123456789012345678901234567890123456789",
    name,
    output: `/home/me/${name}`,
    size,
    selectedSize: size,
    files: Object.entries(files).map(([path, mib]) => ({ path, size: mib * MIB, selected: true })),
    pieceLength: MIB,
    pieceCount: size / MIB,
    private: false,
  };
};

export const oneFile = metadata({ "debian-12.5.0-amd64-netinst.iso": 650 });

/** Progress of `oneFile`, with what differs. */
export const progress = (differs: Partial<Progress> = {}): Progress => ({
  type: "progress",
  phase: "downloading",
  done: 275 * MIB,
  total: 650 * MIB,
  downloadRate: 8.2 * MIB,
  uploadRate: 120 * 1024,
  downloaded: 275 * MIB,
  uploaded: 4 * MIB,
  eta: 46,
  peers: 12,
  seeds: 5,
  choking: 3,
  known: 74,
  pieces: 275,
  pieceCount: 650,
  ...differs,
});

export const complete: DownloadEvent = {
  type: "complete",
  output: "/home/me/debian-12.5.0-amd64-netinst.iso",
  size: 650 * MIB,
  downloaded: 650 * MIB,
  uploaded: 0,
  seconds: 80,
};

export const stateOf = (...events: ReadonlyArray<DownloadEvent>): State.DisplayState =>
  events.reduce(State.after, State.initial);

export const frame = (columns: number, rows = 23): Frame => ({ columns, rows, glyphs: unicodeGlyphs, paint: noColors });
