import { assert, describe, it } from "@effect/vitest";
import { Effect, Option } from "effect";
import { UsageError } from "../../src/app/UsageError.ts";
import { refusesLine as usage, runLine } from "./support.ts";

describe("settings", () => {
  const config = 'port = 1\nmax-peers = 11\npeer = ["f:1", "g:2"]\nquiet = true\ntimeout = "1m"\n';

  it.effect("let the command line win, then the environment, then the file", () =>
    Effect.gen(function* () {
      const environment = { BT_EFFECT_PORT: "2", BT_EFFECT_MAX_PEERS: "22" };
      const { input } = yield* runLine(["x", "--port", "3"], { environment, config });
      assert.deepStrictEqual(input?.port, Option.some(3));
      assert.strictEqual(input?.maxPeers, 22);
      assert.deepStrictEqual(input?.timeout, Option.some(60_000));
      assert.isTrue(input?.quiet);
    }),
  );

  it.effect("read lists from the file, and text with spaces from the environment", () =>
    Effect.gen(function* () {
      const fromFile = yield* runLine(["x"], { config });
      assert.deepStrictEqual(
        fromFile.input?.peer.map(({ host }) => host),
        ["f", "g"],
      );
      const fromEnvironment = yield* runLine(["x"], { config, environment: { BT_EFFECT_PEER: "e:1  h:2" } });
      assert.deepStrictEqual(
        fromEnvironment.input?.peer.map(({ host }) => host),
        ["e", "h"],
      );
      const typed = yield* runLine(["x", "--peer", "c:1"], { config });
      assert.deepStrictEqual(
        typed.input?.peer.map(({ host }) => host),
        ["c"],
      );
    }),
  );

  it.effect("let the line turn off what they turned on", () =>
    Effect.gen(function* () {
      const { input } = yield* runLine(["x", "--quiet=false"], { config });
      assert.isFalse(input?.quiet);
    }),
  );

  it.effect("take an empty variable as none", () =>
    Effect.gen(function* () {
      const { input } = yield* runLine(["x"], { environment: { BT_EFFECT_PORT: "" } });
      assert.deepStrictEqual(input?.port, Option.none());
    }),
  );

  it.effect("are looked for where XDG_CONFIG_HOME says", () =>
    Effect.gen(function* () {
      const { input } = yield* runLine(["x"], { config, environment: { XDG_CONFIG_HOME: "/elsewhere" } });
      assert.deepStrictEqual(input?.port, Option.none());
    }),
  );

  it.effect("are refused with the name of where they stand", () =>
    Effect.all([
      usage(
        ["x"],
        "usage.bad-value",
        'BT_EFFECT_PORT "abc": expected a whole number from 0 to 65535; see: bt-effect --help',
        { environment: { BT_EFFECT_PORT: "abc" } },
      ),
      usage(["x"], "usage.bad-value", "BT_EFFECT_QUIET: expected true or false; see: bt-effect --help", {
        environment: { BT_EFFECT_QUIET: "maybe" },
      }),
      usage(
        ["x"],
        "usage.bad-value",
        '/home/me/.config/bt-effect/config.toml: port "-1": expected a whole number from 0 to 65535; see: bt-effect --help',
        { config: "port = -1" },
      ),
      usage(
        ["x"],
        "usage.bad-config",
        '/home/me/.config/bt-effect/config.toml: there is no flag "prot"; its keys are the flags of bt-effect --help without the dashes',
        { config: "prot = 1" },
      ),
      usage(
        ["x"],
        "usage.bad-config",
        '/home/me/.config/bt-effect/config.toml: there are no tables such as "swarm"; its keys are the flags of bt-effect --help without the dashes',
        { config: "[swarm]\nport = 1" },
      ),
      usage(
        ["x"],
        "usage.bad-config",
        '/home/me/.config/bt-effect/config.toml: there are no tables such as "port"; its keys are the flags of bt-effect --help without the dashes',
        { config: "[port]" },
      ),
      usage(
        ["x"],
        "usage.bad-config",
        '/home/me/.config/bt-effect/config.toml: "port" takes one value, not a list; its keys are the flags of bt-effect --help without the dashes',
        { config: "port = [1]" },
      ),
      usage(
        ["x"],
        "usage.bad-config",
        '/home/me/.config/bt-effect/config.toml: "quiet" takes one value, not a list; its keys are the flags of bt-effect --help without the dashes',
        { config: "quiet = [true]" },
      ),
    ]),
  );

  it.effect("are refused where the file is no TOML", () =>
    Effect.gen(function* () {
      const { error } = yield* runLine(["x"], { config: "port = " });
      if (!(error instanceof UsageError)) return assert.fail(`no usage error but ${error?.message}`);
      assert.strictEqual(error.code, "usage.bad-config");
      assert.match(error.message, /config\.toml: .*line 1/);
    }),
  );
});
