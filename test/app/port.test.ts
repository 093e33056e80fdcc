import { assert, describe, it } from "@effect/vitest";
import { NodeServices } from "@effect/platform-node";
import { ConfigProvider, Effect, FileSystem, Path } from "effect";
import { rememberedPort } from "../../src/app/port.ts";

/** The port of a run whose state folder is within `home`. */
const portIn = (home: string) =>
  rememberedPort.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({ XDG_STATE_HOME: home })),
  );

describe("port", () => {
  it.effect("is a dynamic one, and the same the next time", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "bt-effect-port-" });
      const port = yield* portIn(home);
      assert.isTrue(port >= 49_152 && port <= 65_535);
      assert.strictEqual(yield* portIn(home), port);
    }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("is chosen anew where what was kept is no dynamic port", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const path = yield* Path.Path;
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "bt-effect-port-" });
      yield* fs.makeDirectory(path.join(home, "bt-effect"));
      for (const kept of ["80\n", "99999\n", "nonsense", ""]) {
        yield* fs.writeFileString(path.join(home, "bt-effect", "port"), kept);
        const port = yield* portIn(home);
        assert.isTrue(port >= 49_152 && port <= 65_535, kept);
      }
    }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("is there even where nothing can be kept", () =>
    Effect.gen(function* () {
      for (const home of ["/dev/null", "/proc/none"]) {
        const port = yield* portIn(home);
        assert.isTrue(port >= 49_152 && port <= 65_535, home);
      }
    }).pipe(Effect.provide(NodeServices.layer)),
  );
});
