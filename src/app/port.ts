/** The port to listen on where none is asked for: one of the dynamic ports, the same in every run, so that a router can be told. */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import * as Random from "effect/Random";
import { stateFolder } from "../services/ResumeStore/files.ts";
import { makeAll, PRIVATE } from "../services/Storage/filesMaking.ts";

/** Dynamic ports (RFC 6335, section 6). */
const FIRST = 49_152;
const LAST = 65_535;

/** The remembered port, or else a random one that is remembered from now on as far as the state folder lets us. */
export const rememberedPort = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const folder = yield* stateFolder;
  const file = path.join(folder, "port");
  // What cannot be read is no port: another one is chosen below, and whether it can be kept is said there.
  const kept = yield* Effect.orElseSucceed(fs.readFileString(file), () => "");
  const port = Number(kept);
  if (/^\d{5}\s*$/.test(kept) && port >= FIRST && port <= LAST) return port;
  const fresh = yield* Random.nextIntBetween(FIRST, LAST + 1);
  yield* makeAll(folder, PRIVATE).pipe(
    Effect.andThen(fs.writeFileString(file, `${fresh}\n`)),
    Effect.catch((error) => Effect.logDebug("the port is not remembered", error)),
  );
  return fresh;
});
