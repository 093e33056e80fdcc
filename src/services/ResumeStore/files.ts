/**
 * The resume store in the user's state folder:
 *
 *     torrents/<info-hash>/info            metadata fetched for a magnet
 *     torrents/<info-hash>/layers          hashes of pieces fetched for a v2 torrent that came without
 *     torrents/<info-hash>/<root>.json     the record: checksum, new line, JSON; <root> is the digest of the output's path
 *     torrents/<info-hash>/<root>.aside    bytes of files not chosen (written by Storage)
 *     locks/…                              see filesLock.ts
 */
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { hash } from "node:crypto";
import * as Os from "node:os";
import * as Path from "node:path";
import { crc32 } from "../../schema/crc32.ts";
import { ResumeError } from "../../schema/errors/ResumeError.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import { NODE_LENGTH } from "../../schema/merkle.ts";
import { MAX_PIECES } from "../../schema/metainfo/fields.ts";
import * as Codec from "../../schema/resumeCodec.ts";
import { makeAll, PRIVATE } from "../Storage/filesMaking.ts";
import { homeFolder } from "../homeFolder.ts";
import * as Fs from "../promisedFs.ts";
import * as Lock from "./filesLock.ts";
import { ResumeStore, type ResumeKey } from "./ResumeStore.ts";

/** Bytes of kept metadata at the most: what is taken from peers. */
const MAX_INFO_LENGTH = 30_000_000;

/** Bytes of kept piece layers at the most: those of as many pieces as a torrent may have. */
const MAX_LAYERS_LENGTH = MAX_PIECES * NODE_LENGTH;

/** Outputs of one torrent that are looked at. */
const MAX_ROOTS = 1024;

const hasCode = (cause: unknown, ...codes: ReadonlyArray<string>): boolean =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" && codes.includes(cause.code);

/** The bytes of a file; none when there is no such file, or it is longer than `limit`. */
const readBounded = async (path: string, limit: number): Promise<Option.Option<Buffer>> => {
  try {
    return await Fs.readBounded(path, limit);
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return Option.none();
    throw cause;
  }
};

/** Replaces a file of a folder that is there in one step that survives a power cut: the old bytes or the new ones, nothing between. */
const replace = async (path: string, bytes: string | Uint8Array): Promise<void> => {
  const temporary = `${path}.tmp`;
  const file = await Fs.open(temporary, "w", 0o600);
  try {
    await Fs.writeFile(file, bytes);
    await Fs.fsync(file);
  } finally {
    await Fs.close(file);
  }
  await Fs.rename(temporary, path);
  // Windows does not open folders.
  if (process.platform === "win32") return;
  const entries = await Fs.open(Path.dirname(path), "r");
  try {
    await Fs.fsync(entries);
  } finally {
    await Fs.close(entries);
  }
};

const encoder = new TextEncoder();

const checksum = (text: string): string => crc32(encoder.encode(text)).toString(16).padStart(8, "0");

const seal = (text: string): string => `${checksum(text)}\n${text}`;

/** The text that was sealed; none when either has changed since. */
const unseal = (sealed: string): Option.Option<string> => {
  const text = sealed.slice(9);
  return sealed.slice(0, 9) === `${checksum(text)}\n` ? Option.some(text) : Option.none();
};

const digestOf = (root: string): string => hash("sha1", root, "hex");

/** The same for all ways to name one place, as far as it exists already. */
const realRoot = async (root: string): Promise<string> => {
  try {
    return await Fs.realpath(root);
  } catch {
    const folder = Path.dirname(root);
    return folder === root ? root : Path.join(await realRoot(folder), Path.basename(root));
  }
};

/** Where the kernel tells no boot id, the minute of the boot serves; a clock that was set only costs some hashing. */
const readBootId = Effect.promise(() =>
  Fs.readFile("/proc/sys/kernel/random/boot_id", "latin1").then(
    (text) => text.trim(),
    () => String(Math.round((Date.now() / 1000 - Os.uptime()) / 60)),
  ),
);

const make = (folder: string) =>
  Effect.gen(function* () {
    const bootId = yield* readBootId;
    const attempt = <A>(
      operation: ResumeError["operation"],
      path: string,
      run: () => Promise<A>,
    ): Effect.Effect<A, ResumeError> =>
      Effect.uninterruptible(
        Effect.tryPromise({ try: run, catch: (cause) => new ResumeError({ operation, path, cause }) }),
      );

    const save = (path: string, bytes: string | Uint8Array): Effect.Effect<void, ResumeError> =>
      makeAll(Path.dirname(path), PRIVATE).pipe(
        Effect.mapError(({ cause }) => new ResumeError({ operation: "save", path, cause })),
        Effect.andThen(attempt("save", path, () => replace(path, bytes))),
        Effect.uninterruptible,
      );

    const torrent = (infoHash: InfoHash): string => Path.join(folder, "torrents", infoHash.hex);
    const infoPath = (infoHash: InfoHash): string => Path.join(torrent(infoHash), "info");
    const layersPath = (infoHash: InfoHash): string => Path.join(torrent(infoHash), "layers");
    const pathOf = (key: ResumeKey, kind: "json" | "aside"): string =>
      Path.join(torrent(key.infoHash), `${digestOf(key.root)}.${kind}`);

    const loadPath = (path: string) =>
      Effect.map(
        attempt("load", path, () => readBounded(path, Codec.MAX_RECORD_LENGTH)),
        Option.flatMap((bytes) => Option.flatMap(unseal(bytes.toString("utf8")), Codec.decode)),
      );

    return ResumeStore.of({
      load: (key) =>
        Effect.map(loadPath(pathOf(key, "json")), (kept) =>
          kept.pipe(
            Option.filter(({ root }) => root === key.root),
            Option.map(({ record }) => record),
          ),
        ),
      save: (key, record) =>
        Effect.flatMap(Codec.encode({ root: key.root, record }), (text) => save(pathOf(key, "json"), seal(text))),
      loadInfo: (infoHash) =>
        Effect.map(
          attempt("load", infoPath(infoHash), () => readBounded(infoPath(infoHash), MAX_INFO_LENGTH)),
          Option.filter((bytes) =>
            // A v2 hash is truncated on the wire (BEP 52).
            [hash("sha1", bytes, "hex"), hash("sha256", bytes, "hex").slice(0, 40)].includes(infoHash.hex),
          ),
        ),
      saveInfo: (infoHash, bytes) => save(infoPath(infoHash), bytes),
      loadLayers: (infoHash) =>
        attempt("load", layersPath(infoHash), () => readBounded(layersPath(infoHash), MAX_LAYERS_LENGTH)),
      saveLayers: (infoHash, nodes) => save(layersPath(infoHash), nodes),
      roots: (infoHash) =>
        Effect.gen(function* () {
          const names = yield* attempt("load", torrent(infoHash), () =>
            Fs.readdir(torrent(infoHash)).catch((cause: unknown) => {
              if (hasCode(cause, "ENOENT")) return [];
              throw cause;
            }),
          );
          const records = names.filter((name) => name.endsWith(".json")).slice(0, MAX_ROOTS);
          const kept = yield* Effect.forEach(records, (name) => loadPath(Path.join(torrent(infoHash), name)));
          return kept.flatMap((one) => (Option.isSome(one) ? [one.value.root] : []));
        }),
      asidePath: (key) => pathOf(key, "aside"),
      lock: (root) =>
        Effect.flatMap(
          Effect.promise(() => realRoot(root)),
          (real) => Lock.acquire({ folder: Path.join(folder, "locks"), name: digestOf(real), path: root, bootId }),
        ),
      bootId: Effect.succeed(bootId),
    });
  });

/** The store in a folder of the caller's choice, made when it is first written to. */
export const layer = (folder: string): Layer.Layer<ResumeStore> => Layer.effect(ResumeStore, make(folder));

/** `$XDG_STATE_HOME/bt-effect`, by default `~/.local/state/bt-effect`. Who has no home may not write there, and is told of the folder. */
export const stateFolder: Effect.Effect<string> = Config.String("XDG_STATE_HOME").pipe(
  Effect.option,
  Effect.map((home) =>
    Path.join(
      // A relative path counts as none (XDG base directory specification).
      Option.getOrElse(Option.filter(home, Path.isAbsolute), () => Path.join(homeFolder() ?? "/", ".local", "state")),
      "bt-effect",
    ),
  ),
);

/** The store in the user's state folder. */
export const layerDefault: Layer.Layer<ResumeStore> = Layer.unwrap(Effect.map(stateFolder, layer));
