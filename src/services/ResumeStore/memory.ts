/** A resume store in memory, for tests: it can be rebooted, and its state folder can be made unusable. Nothing outlives the layer. */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { ResumeError } from "../../schema/errors/ResumeError.ts";
import { StorageError } from "../../schema/errors/StorageError.ts";
import * as Codec from "../../schema/resumeCodec.ts";
import { ResumeStore, type ResumeKey } from "./ResumeStore.ts";

/** What a test does to the machine behind the store. */
export class ResumeMachine extends Context.Service<
  ResumeMachine,
  {
    /** From now on the boot id is another one. */
    readonly reboot: Effect.Effect<void>;
    /** While true, everything fails with `ResumeError`. */
    readonly setUnusable: (unusable: boolean) => Effect.Effect<void>;
    /** How often a record was saved. */
    readonly saves: Effect.Effect<number>;
  }
>()("bt-effect/services/ResumeStore/ResumeMachine") {}

const FOLDER = "/state";

const make = Effect.sync(() => {
  // Records are kept as the text that the file Layer would write: what a caller changes later does not change them.
  const records = new Map<string, string>();
  const infos = new Map<string, Uint8Array>();
  const layers = new Map<string, Uint8Array>();
  const locks = new Set<string>();
  let boots = 1;
  let saves = 0;
  let unusable = false;

  const prefix = (hex: string): string => `${FOLDER}/torrents/${hex}/`;
  const pathOf = ({ infoHash, root }: ResumeKey): string => `${prefix(infoHash.hex)}${encodeURIComponent(root)}`;
  const guard = <A>(operation: ResumeError["operation"], run: () => A): Effect.Effect<A, ResumeError> =>
    Effect.suspend(() =>
      unusable
        ? Effect.fail(new ResumeError({ operation, path: FOLDER, cause: new Error("EROFS: read-only file system") }))
        : Effect.sync(run),
    );

  const store = ResumeStore.of({
    load: (key) =>
      guard("load", () =>
        Option.fromNullishOr(records.get(pathOf(key))).pipe(
          Option.flatMap(Codec.decode),
          Option.map(({ record }) => record),
        ),
      ),
    save: (key, record) =>
      Effect.flatMap(Codec.encode({ root: key.root, record }), (text) =>
        guard("save", () => {
          saves++;
          records.set(pathOf(key), text);
        }),
      ),
    loadInfo: (infoHash) => guard("load", () => Option.fromNullishOr(infos.get(infoHash.hex))),
    saveInfo: (infoHash, bytes) => guard("save", () => void infos.set(infoHash.hex, bytes.slice())),
    loadLayers: (infoHash) => guard("load", () => Option.fromNullishOr(layers.get(infoHash.hex))),
    saveLayers: (infoHash, nodes) => guard("save", () => void layers.set(infoHash.hex, nodes.slice())),
    roots: (infoHash) =>
      guard("load", () =>
        [...records].flatMap(([path, text]) => {
          const kept = path.startsWith(prefix(infoHash.hex)) ? Codec.decode(text) : Option.none();
          return Option.isSome(kept) ? [kept.value.root] : [];
        }),
      ),
    asidePath: (key) => `${pathOf(key)}.aside`,
    lock: (root) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.flatMap(
            guard("lock", () => {
              const held = locks.has(root);
              locks.add(root);
              return held;
            }),
            (held) =>
              held
                ? Effect.fail(new StorageError({ operation: "lock", path: root, reason: { _tag: "Busy" } }))
                : Effect.void,
          ),
          () => Effect.sync(() => locks.delete(root)),
        ),
      ),
    bootId: Effect.sync(() => `boot-${boots}`),
  });

  const machine = ResumeMachine.of({
    reboot: Effect.sync(() => void boots++),
    setUnusable: (value) => Effect.sync(() => void (unusable = value)),
    saves: Effect.sync(() => saves),
  });
  return Context.make(ResumeStore, store).pipe(Context.add(ResumeMachine, machine));
});

/** The store and the machine behind it. */
export const layer: Layer.Layer<ResumeStore | ResumeMachine> = Layer.effectContext(make);
