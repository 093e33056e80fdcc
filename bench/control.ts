/**
 * `npm run bench:control`: what the tables behind a download cost when it is large, and how that grows. No network and no payload: it calls the functions
 * of the control plane as the pipeline does, and prints times and memory. Each line has the same at a fourth of the size beside it: a cost per item that grows
 * with the size is what is looked for.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as Bitfield from "../src/schema/bitfield.ts";
import type { Metainfo } from "../src/schema/metainfo.ts";
import { encodeMetainfo } from "../src/schema/metainfo/write.ts";
import { encodeInfo } from "../src/schema/metainfo/writeInfo.ts";
import { parseMetainfo } from "../src/schema/metainfo/parse.ts";
import { RESUME_VERSION } from "../src/schema/resume.ts";
import { digests } from "../src/services/digests.ts";
import { Events } from "../src/services/Events.ts";
import { Hasher } from "../src/services/Hasher.ts";
import { Picker } from "../src/services/Picker/Picker.ts";
import { makeTable } from "../src/services/Picker/table.ts";
import * as ResumeStore from "../src/services/ResumeStore/files.ts";
import { ResumeStore as ResumeStoreTag } from "../src/services/ResumeStore/ResumeStore.ts";
import * as Storage from "../src/services/Storage/files.ts";
import { makeAcquaintances } from "../src/streams/acquaintances.ts";
import { prepare } from "../src/streams/prepare.ts";
import type { DownloadRequest } from "../src/streams/request.ts";
import { selectFiles } from "../src/streams/selection.ts";

const root = process.env["BT_EFFECT_BENCH_FOLDER"] ?? "/dev/shm/bt-effect-bench";

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

interface Line {
  readonly what: string;
  /** Things done. */
  readonly items: number;
  /** Wall clock. */
  readonly millis: number;
  /** Of all threads: what others do on the machine does not count. */
  readonly cpuMillis: number;
  readonly mebibytes: number;
}

const lines: Array<{ readonly large: Line; readonly small: Line | undefined }> = [];

const memory = (): number => {
  globalThis.gc?.();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return (arrayBuffers + heapUsed) / MEBIBYTE;
};

/** Runs `work`; what it returns is counted as memory that it holds. */
const timed = async (what: string, items: number, work: () => unknown): Promise<Line> => {
  const before = memory();
  const start = { at: performance.now(), cpu: process.cpuUsage() };
  const held = await work();
  const millis = performance.now() - start.at;
  const { system, user } = process.cpuUsage(start.cpu);
  const mebibytes = memory() - before;
  // Held up to here.
  void held;
  return { what, items, millis, cpuMillis: (system + user) / 1000, mebibytes };
};

/** The same at the size that it is named for, and at a fourth of it. The first run of all warms the code. */
const compare = async (run: (scale: number) => Promise<ReadonlyArray<Line>>): Promise<void> => {
  await run(0.05);
  const small = await run(0.25);
  for (const [nth, large] of (await run(1)).entries()) lines.push({ large, small: small[nth] });
};

/** The same numbers in every run. */
const randomly = (): ((below: number) => number) => {
  let state = 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

const picking = async (scale: number): Promise<ReadonlyArray<Line>> => {
  const pieceCount = Math.round(100_000 * scale);
  const peers = 200;
  const random = randomly();
  const table = makeTable(
    { pieceCount, order: "rarest", wanted: Bitfield.full(pieceCount), have: Bitfield.make(pieceCount) },
    1,
  );
  const slots: Array<number> = [];
  const joined = await timed(`${peers} peers with half of the pieces join`, peers * pieceCount, () => {
    for (let peer = 0; peer < peers; peer++) {
      const bits = Bitfield.make(pieceCount);
      for (let index = 0; index < pieceCount; index++) if (random(2) === 0) Bitfield.set(bits, index);
      const slot = table.addPeer();
      table.peerHasBits(slot, bits);
      slots.push(slot);
    }
    return table;
  });
  const haves = pieceCount * 10;
  const told = await timed("have", haves, () => {
    for (let nth = 0; nth < haves; nth++) table.peerHas(slots[random(peers)] ?? 0, random(pieceCount));
  });
  const picked = await timed("pieces picked, opened and got, by peers in turn", pieceCount, () => {
    for (let nth = 0; table.missing() > 0; nth++) {
      const slot = slots[nth % peers] ?? 0;
      const index = table.choose(slot);
      if (index < 0) continue;
      table.open(index);
      table.got(index);
      table.interesting(slot);
    }
  });
  return [joined, told, picked];
};

/** A torrent of files of one length. */
const torrentOf = (files: number, length: number, pieceLength: number): Uint8Array => {
  const pieces = Math.ceil((files * length) / pieceLength);
  const info = encodeInfo({
    name: "large",
    version: "v1",
    layout: files === 1 ? "single" : "multi",
    pieceLength,
    files: Array.from({ length: files }, (_, nth) => ({
      path: files === 1 ? ["large"] : [`folder ${Math.floor(nth / 1000)}`, `a file of the torrent, number ${nth}.bin`],
      length,
      executable: false,
    })),
    pieces: new Uint8Array(pieces * 20),
    private: true,
  });
  return encodeMetainfo(info, { trackers: [], webSeeds: [] });
};

const parsed = (bytes: Uint8Array): Metainfo => Result.getOrThrow(parseMetainfo(bytes, digests));

const requestFor = (metainfo: Metainfo, folder: string, glob?: string): DownloadRequest => ({
  source: { _tag: "Metainfo", metainfo },
  folder,
  out: join(folder, "out"),
  select: glob === undefined ? [] : [{ _tag: "Glob", glob }],
  sequential: false,
  check: false,
  overwrite: false,
  port: 0,
  peers: [],
  trackers: [],
  noTrackers: true,
  noDht: true,
  encryption: "allow",
  noLsd: true,
  noPex: true,
  noWebSeeds: true,
  maxPeers: 80,
  seed: false,
  superSeed: false,
  shareOnly: false,
});

/** The state that is kept between the runs in `folder`, and the disk. */
const services = (folder: string) =>
  Layer.mergeAll(Storage.layer, ResumeStore.layer(join(folder, "state")), Hasher.layer, Picker.layer, Events.layer);

/** Prepares the disk as a download does, and makes its records; gives how many pieces were there. */
const prepared = ({ info }: Metainfo, request: DownloadRequest): Promise<number> =>
  Effect.gen(function* () {
    const made = yield* prepare(info, request, {
      suspect: () => false,
      acquaintances: makeAcquaintances(),
      totals: { downloaded: 0, uploaded: 0, wasted: 0, lastUseful: 0 },
      opened: () => Effect.void,
    });
    yield* made.stop;
    return made.torrent.table.haveCount();
  }).pipe(Effect.scoped, Effect.provide(services(request.folder)), Effect.runPromise);

/** Records that all pieces but the last were written of the files with these indices. */
const record = ({ info }: Metainfo, { folder }: DownloadRequest, selected: ReadonlyArray<number>): Promise<void> =>
  Effect.gen(function* () {
    const store = yield* ResumeStoreTag;
    const written = Bitfield.full(info.pieceCount);
    Bitfield.unset(written, info.pieceCount - 1);
    yield* store.save(
      { infoHash: info.infoHash, root: join(folder, "out") },
      {
        version: RESUME_VERSION,
        time: Date.now(),
        bootId: yield* store.bootId,
        clean: true,
        complete: false,
        pieceCount: info.pieceCount,
        written,
        synced: written,
        partial: [],
        downloaded: 0,
        uploaded: 0,
        ...(selected.length < info.files.length && { selected }),
      },
    );
  }).pipe(Effect.provide(services(folder)), Effect.runPromise);

/** Starts a download: with nothing there if the disk has room for it, and with all but a piece of what is wanted, in files that are holes. */
const starting = async (what: string, metainfo: Metainfo, glob?: string): Promise<ReadonlyArray<Line>> => {
  mkdirSync(root, { recursive: true });
  const folder = mkdtempSync(join(root, "control-"));
  try {
    const { info } = metainfo;
    const request = requestFor(metainfo, folder, glob);
    const selected = Result.getOrThrow(selectFiles(info, request));
    const items = Math.max(info.files.length, info.pieceCount);
    const fits = info.totalLength < statfsSync(folder).bavail * statfsSync(folder).bsize;
    const fresh = fits
      ? [await timed(`${what}: start with nothing there`, items, () => prepared(metainfo, request))]
      : [];
    for (const index of selected) {
      const file = info.files[index];
      if (file === undefined) continue;
      const path = info.layout === "single" ? join(folder, "out") : join(folder, "out", ...file.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "");
      truncateSync(path, file.length);
    }
    await record(metainfo, request, selected);
    const resumed = await timed(`${what}: start from the record of an earlier run`, items, async () => {
      if ((await prepared(metainfo, request)) === 0) throw new Error(`${what}: nothing was resumed`);
    });
    return [...fresh, resumed];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const largeFile = (scale: number): Promise<ReadonlyArray<Line>> =>
  starting("1 TiB in pieces of 16 MiB", parsed(torrentOf(1, Math.round(1024 * scale) * GIBIBYTE, 16 * MEBIBYTE)));

const manyFiles = async (scale: number): Promise<ReadonlyArray<Line>> => {
  const count = Math.round(100_000 * scale);
  const bytes = torrentOf(count, 40_000, MEBIBYTE);
  const reading = await timed(`.torrent of 100,000 files (${(bytes.length / 1e6).toFixed(1)} MB): read`, count, () =>
    parsed(bytes),
  );
  const metainfo = parsed(bytes);
  const selecting = await timed("--select of half of them by a glob", count, () =>
    selectFiles(metainfo.info, requestFor(metainfo, "/", "folder *[02468]/*")),
  );
  return [
    reading,
    selecting,
    ...(await starting("100,000 files", metainfo)),
    ...(await starting("half of 100,000 files", metainfo, "folder *[02468]/*")),
  ];
};

await compare(picking);
await compare(largeFile);
await compare(manyFiles);

const perItem = ({ cpuMillis, items }: Line): string => `${((cpuMillis * 1e6) / items).toFixed(0)} ns`;
console.log(
  "| what | ms | CPU ms | CPU per item | at a fourth of the size | MiB |\n| --- | --: | --: | --: | --: | --: |",
);
for (const { large, small } of lines) {
  const before = small === undefined ? "" : perItem(small);
  console.log(
    `| ${large.what} | ${large.millis.toFixed(0)} | ${large.cpuMillis.toFixed(0)} | ${perItem(large)} | ${before} | ${large.mebibytes.toFixed(1)} |`,
  );
}
