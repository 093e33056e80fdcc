/** The DHT store in the user's state folder: the file `dht`, replaced in one step. Nothing is synced: a lost record costs a bootstrap. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Path from "node:path";
import { decodeTable, encodeTable, MAX_TABLE_LENGTH } from "../../schema/dhtTable.ts";
import { stateFolder } from "../ResumeStore/files.ts";
import * as Fs from "../promisedFs.ts";
import { makeAll, PRIVATE } from "../Storage/filesMaking.ts";
import { DhtStore } from "./DhtStore.ts";

const NAME = "dht";

/** The store in a folder of the caller's choice, made when it is first written to. */
export const layer = (folder: string): Layer.Layer<DhtStore> =>
  Layer.sync(DhtStore, () => {
    const path = Path.join(folder, NAME);
    return DhtStore.of({
      load: Effect.tryPromise(() => Fs.readBounded(path, MAX_TABLE_LENGTH)).pipe(
        Effect.map(Option.flatMap(decodeTable)),
        Effect.tapError((error) => Effect.logDebug("no saved DHT nodes", error)),
        Effect.orElseSucceed(() => Option.none()),
      ),
      save: (table) =>
        makeAll(folder, PRIVATE).pipe(
          Effect.andThen(
            Effect.tryPromise(async () => {
              // a name of its own for each process: two that end together must not write into one file
              const temporary = `${path}.${process.pid}.tmp`;
              await Fs.writeFile(temporary, encodeTable(table), { mode: 0o600 });
              await Fs.rename(temporary, path);
            }),
          ),
          Effect.tapError((error) => Effect.logDebug("the DHT nodes cannot be saved", error)),
          Effect.ignore,
          Effect.uninterruptible,
        ),
    });
  });

/** The store in the user's state folder. */
export const layerDefault: Layer.Layer<DhtStore> = Layer.unwrap(Effect.map(stateFolder, layer));
