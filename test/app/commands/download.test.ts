import { assert, describe, it } from "@effect/vitest";
import { Option } from "effect";
import { requestOf } from "../../../src/app/commands/download.ts";
import type { DownloadInput } from "../../../src/app/commands/download.ts";
import type { OutputFlags } from "../../../src/app/output.ts";
import { fromBytes } from "../../../src/schema/infoHash.ts";

const flags: OutputFlags = {
  json: false,
  quiet: false,
  debug: false,
  logLevel: Option.none(),
  logFile: Option.none(),
};

describe("download", () => {
  it("asks for what the command line says, and leaves out what it does not", () => {
    const infoHash = Option.getOrThrow(fromBytes(new Uint8Array(20)));
    const source = {
      _tag: "Magnet",
      magnet: { infoHash, trackers: [], webSeeds: [], peers: [], nodes: [] },
    } as const;
    const input: DownloadInput = {
      ...flags,
      torrent: "x.torrent",
      out: Option.some("out"),
      port: Option.none(),
      bind: Option.none(),
      peer: [{ host: "a", port: 1 }],
      tracker: ["http://t"],
      noTrackers: true,
      noDht: true,
      noLsd: true,
      noPex: true,
      noWebSeeds: true,
      ipFilter: Option.none(),
      proxy: Option.none(),
      noUtp: false,
      noPortMapping: true,
      dhtBootstrap: [],
      encryption: "require",
      maxPeers: 7,
      select: [{ _tag: "Glob", glob: "*.iso" }],
      pick: false,
      sequential: true,
      check: false,
      overwrite: true,
      timeout: Option.some(30_000),
      downloadLimit: Option.none(),
      uploadLimit: Option.none(),
      seed: false,
      seedRatio: Option.some(2),
      seedTime: Option.none(),
      dryRun: false,
      superSeed: false,
    };
    assert.deepStrictEqual(requestOf(input, { source, folder: "/here", port: 50_000 }), {
      source,
      folder: "/here",
      port: 50_000,
      out: "out",
      timeout: 30_000,
      select: [{ _tag: "Glob", glob: "*.iso" }],
      sequential: true,
      check: false,
      overwrite: true,
      peers: [{ host: "a", port: 1 }],
      trackers: ["http://t"],
      noTrackers: true,
      noDht: true,
      noLsd: true,
      noPex: true,
      noWebSeeds: true,
      encryption: "require",
      maxPeers: 7,
      seed: true,
      seedRatio: 2,
      shareOnly: false,
      superSeed: false,
    });
  });
});
