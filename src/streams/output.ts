/**
 * Where a download goes: from a torrent and a request to the output's path, its lock, and the place of each file (docs/cli: `[out]`). Nothing is made
 * on disk here, and no file of the payload is opened.
 *
 * Life cycle: the lock is held as long as the scope of `openOutput`.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import type * as Scope from "effect/Scope";
import type { DownloadFailed } from "../schema/errors/DownloadError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { TorrentFile, TorrentInfo } from "../schema/metainfo.ts";
import type { ResumeRecord } from "../schema/resume.ts";
import { Events } from "../services/Events.ts";
import { ResumeStore, type ResumeKey } from "../services/ResumeStore/ResumeStore.ts";
import { Storage, type LayoutFile, type StorageLayout } from "../services/Storage/Storage.ts";
import type { DownloadRequest } from "./request.ts";
import { selectFiles } from "./selection.ts";

/** An output that this run has for itself. */
export interface Output {
  readonly key: ResumeKey;
  readonly layout: StorageLayout;
  /** Indices of the files chosen, in order; pads are not among them. */
  readonly selected: ReadonlyArray<number>;
  /** What the last run on this output left behind. */
  readonly record: Option.Option<ResumeRecord>;
  /** Whether the state folder can be used; where it cannot, that has been said. */
  readonly recording: boolean;
}

/** What decides about the path. */
type Place = Pick<DownloadRequest, "out" | "folder"> & Partial<Pick<DownloadRequest, "shareOnly">>;

/** Files that are looked for when it is to be told which of two folders holds a payload. */
const MAX_PROBES = 100;

/** Whether a record speaks of the file of an index as chosen: then what is on disk in its place is ours. */
export const wasSelected = (record: Option.Option<ResumeRecord>): ((index: number) => boolean) => {
  if (Option.isNone(record)) return () => false;
  const { selected } = record.value;
  if (selected === undefined) return () => true;
  const chosen = new Set(selected);
  return (index) => chosen.has(index);
};

/** Names that can be spelt in one way only. */
const ASCII = /^[\0-\x7f]*$/;

/** Finds names as a folder spells them: what differs in Unicode normalisation only (NFC, NFD) is the same name. */
const makeSpelling = (storage: Storage["Service"]) => {
  const folders = new Map<string, ReadonlyArray<string>>();
  return Effect.fnUntraced(function* (folder: string, name: string) {
    if (ASCII.test(name)) return name;
    const names = folders.get(folder) ?? (yield* storage.names(folder));
    folders.set(folder, names);
    if (names.includes(name)) return name;
    const normal = name.normalize("NFC");
    return names.find((other) => other.normalize("NFC") === normal) ?? name;
  });
};

/** Where the payload is: at `named` itself, or in that folder under the torrent's name. */
const payloadAt = Effect.fnUntraced(function* (
  info: Pick<TorrentInfo, "layout" | "files">,
  named: string,
  inside: string,
): Effect.fn.Return<string, StorageError, Storage | Path.Path> {
  const path = yield* Path.Path;
  const storage = yield* Storage;
  if ((yield* storage.inspect(named)) !== "folder") return named;
  if (info.layout === "single") return inside;
  for (const file of info.files.filter(({ pad }) => !pad).slice(0, MAX_PROBES)) {
    for (const root of [named, inside]) {
      if ((yield* storage.inspect(path.join(root, ...file.path))) === "file") return root;
    }
  }
  return (yield* storage.inspect(inside)) === "folder" ? inside : named;
});

/** Where a payload is that is said to be at `named` (absolute): there, or in that folder under the torrent's name. */
export const payloadRoot = (
  info: Pick<TorrentInfo, "name" | "layout" | "files">,
  named: string,
): Effect.Effect<string, StorageError, Storage> =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const spelling = makeSpelling(yield* Storage);
    return yield* payloadAt(info, named, path.join(named, yield* spelling(named, info.name)));
  }).pipe(Effect.provide(Path.layer));

/** The output's absolute path: the file of a single-file torrent, else the folder. */
export const rootOf = (
  info: Pick<TorrentInfo, "name" | "infoHash" | "layout" | "files">,
  { out, folder, shareOnly }: Place,
): Effect.Effect<string, StorageError, Storage | ResumeStore> =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const storage = yield* Storage;
    const store = yield* ResumeStore;
    const spelling = makeSpelling(storage);
    const inside = (parent: string) => Effect.map(spelling(parent, info.name), (name) => path.join(parent, name));
    if (out === undefined) return yield* inside(path.resolve(folder));
    const named = path.resolve(folder, out);
    if (shareOnly === true) return yield* payloadRoot(info, named);
    const isParent = out.endsWith("/") || (yield* storage.inspect(named)) === "folder";
    if (!isParent) return named;
    // A state folder that cannot be read knows no earlier run; `openOutput` tells of it.
    const earlier = yield* Effect.orElseSucceed(store.roots(info.infoHash), (): ReadonlyArray<string> => []);
    return earlier.includes(named) ? named : yield* inside(named);
  }).pipe(Effect.provide(Path.layer));

/** The place of each file; a file that is not chosen stays where it is when an earlier run had chosen it. */
export const layoutOf = (
  info: TorrentInfo,
  root: string,
  options: {
    readonly selected: ReadonlyArray<number>;
    readonly record: Option.Option<ResumeRecord>;
    readonly asidePath: string;
  },
): Effect.Effect<StorageLayout, StorageError, Storage> =>
  Effect.gen(function* () {
    const path = yield* Path.Path;
    const storage = yield* Storage;
    const spelling = makeSpelling(storage);
    const selected = new Set(options.selected);
    const wasOurs = wasSelected(options.record);

    const spelt = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
      let place = root;
      for (const name of names) place = path.join(place, yield* spelling(place, name));
      return place;
    });

    /** None where only a look tells: an earlier run had chosen it. */
    const kindOf = (file: TorrentFile, index: number): LayoutFile["kind"] | undefined => {
      if (file.pad) return "pad";
      if (selected.has(index)) return "write";
      return wasOurs(index) ? undefined : "aside";
    };

    const linkOf = (file: TorrentFile, place: string): { readonly link?: string } =>
      file.symlink === undefined ? {} : { link: path.relative(path.dirname(place), path.join(root, ...file.symlink)) };

    // There may be a hundred thousand of them: no effect for each.
    const files: Array<LayoutFile> = [];
    for (const [index, file] of info.files.entries()) {
      const { executable, length, offset, path: names } = file;
      let place = root;
      if (info.layout === "multi")
        place = names.every((name) => ASCII.test(name)) ? path.join(root, ...names) : yield* spelt(names);
      const kind = kindOf(file, index) ?? ((yield* storage.inspect(place)) === "file" ? "write" : "aside");
      files.push({ path: place, length, offset, kind, executable, ...linkOf(file, place) });
    }
    return { root, files, asidePath: options.asidePath };
  }).pipe(Effect.provide(Path.layer));

/** Chooses files and output, and locks it. A state folder that cannot be used costs the resume, not the download: it is said once. */
export const openOutput = (
  info: TorrentInfo,
  request: DownloadRequest,
): Effect.Effect<Output, DownloadFailed | StorageError, Storage | ResumeStore | Events | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* ResumeStore;
    const events = yield* Events;
    const selected = yield* Effect.fromResult(selectFiles(info, request));
    const root = yield* rootOf(info, request);
    const key: ResumeKey = { infoHash: info.infoHash, root };
    const state = yield* Effect.andThen(store.lock(root), store.load(key)).pipe(
      Effect.map((record) => ({ record, recording: true })),
      Effect.catchTag("ResumeError", (error) =>
        Effect.as(events.publish({ type: "warning", code: error.code, message: error.message }), {
          record: Option.none<ResumeRecord>(),
          recording: false,
        }),
      ),
    );
    // A record of another torrent's shape is damaged, whatever it says.
    const record = Option.filter(state.record, ({ pieceCount }) => pieceCount === info.pieceCount);
    const layout = yield* layoutOf(info, root, { selected, record, asidePath: store.asidePath(key) });
    return { key, layout, selected, record, recording: state.recording };
  });
