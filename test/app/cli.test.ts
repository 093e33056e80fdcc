import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Option } from "effect";
import { VERSION } from "../../src/schema/version.ts";
import { refusesLine as usage, runLine } from "./support.ts";

describe("cli", () => {
  it.effect("prints help with flags and examples on stdout", () =>
    Effect.gen(function* () {
      const { exit, stdout } = yield* runLine(["--help"]);
      assert.isTrue(Exit.isSuccess(exit));
      assert.include(stdout, "bt-effect <torrent> [out] [flags]");
      for (const flag of ["--port, -p N", "--select PATTERN", "--timeout DURATION", "--no-trackers", "--quiet, -q"]) {
        assert.include(stdout, flag);
      }
      assert.include(stdout, "\n\nEXAMPLES\n");
      assert.notInclude(stdout, "--no-no-trackers");
    }),
  );

  it.effect("prints the help of a subcommand", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runLine(["info", "--help"]);
      assert.include(stdout, "bt-effect info [flags] <torrent>");
    }),
  );

  it.effect("prints its version wherever the flag stands", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* runLine(["x.torrent", "--version"])).stdout, `bt-effect ${VERSION}`);
    }),
  );

  it.effect("takes --version after create for that of the torrent", () =>
    Effect.gen(function* () {
      const badly = yield* runLine(["create", "--version", "v3", "x"]);
      assert.match(
        badly.error instanceof Error ? badly.error.message : "",
        /--version "v3": expected .*v1.*v2.*hybrid/,
      );
      const well = yield* runLine(["create", "--version=v2", "-o", "-", "/nothing/there"]);
      assert.match(well.error instanceof Error ? well.error.message : "", /no such file or folder/);
      assert.strictEqual((yield* runLine(["--version", "create"])).stdout, `bt-effect ${VERSION}`);
      assert.isTrue((yield* runLine(["info", "--version"])).stdout.endsWith(`bt-effect ${VERSION}`));
      assert.include((yield* runLine(["create", "--help"])).stdout, "--version");
    }),
  );

  it.effect("prints its version for -v", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* runLine(["-v"])).stdout, `bt-effect ${VERSION}`);
    }),
  );

  it.effect("adds the versions of Effect and Node for --version --debug", () =>
    Effect.gen(function* () {
      assert.match(
        (yield* runLine(["--version", "--debug"])).stdout,
        /^bt-effect \d+\.\d+\.\d+\neffect 4\.\d+\.\d+\nnode \d+\.\d+\.\d+ \(.+\)$/,
      );
    }),
  );

  it.effect("takes the defaults where nothing is said", () =>
    Effect.gen(function* () {
      const { input } = yield* runLine(["x.torrent"]);
      assert.deepStrictEqual(input, {
        torrent: "x.torrent",
        out: Option.none(),
        port: Option.none(),
        bind: Option.none(),
        peer: [],
        tracker: [],
        noTrackers: false,
        noDht: false,
        encryption: "allow",
        noLsd: false,
        noPex: false,
        noWebSeeds: false,
        ipFilter: Option.none(),
        proxy: Option.none(),
        noUtp: false,
        noPortMapping: false,
        dhtBootstrap: [],
        maxPeers: 80,
        select: [],
        pick: false,
        sequential: false,
        check: false,
        overwrite: false,
        dryRun: false,
        timeout: Option.none(),
        downloadLimit: Option.none(),
        uploadLimit: Option.none(),
        seed: false,
        seedRatio: Option.none(),
        seedTime: Option.none(),
        superSeed: false,
        json: false,
        quiet: false,
        debug: false,
        logLevel: Option.none(),
        logFile: Option.none(),
      });
    }),
  );

  it.effect("takes flags before, between and after the arguments", () =>
    Effect.gen(function* () {
      const { input } = yield* runLine(["-p", "0", "x.torrent", "--peer=a:1", "out", "--peer", "[::1]:2", "-q"]);
      assert.deepStrictEqual(input?.out, Option.some("out"));
      assert.deepStrictEqual(input?.port, Option.some(0));
      assert.deepStrictEqual(input?.peer, [
        { host: "a", port: 1 },
        { host: "::1", port: 2 },
      ]);
      assert.isTrue(input?.quiet);
    }),
  );

  it.effect("shares what is at a path", () =>
    Effect.gen(function* () {
      const { seeding } = yield* runLine(["seed", "x.torrent", "/d", "--seed-ratio", "1.5", "--seed-time", "2h"]);
      assert.strictEqual(seeding?.torrent, "x.torrent");
      assert.strictEqual(seeding?.path, "/d");
      assert.deepStrictEqual(seeding?.seedRatio, Option.some(1.5));
      assert.deepStrictEqual(seeding?.seedTime, Option.some(7_200_000));
    }),
  );

  it.effect("wants something to share, and a ratio above 0", () =>
    Effect.gen(function* () {
      assert.match((yield* runLine(["seed", "x.torrent"])).error?.message ?? "", /<path> is missing/);
      assert.match((yield* runLine(["x.torrent", "--seed-ratio", "0"])).error?.message ?? "", /a number above 0/);
    }),
  );

  it.effect("takes a path that looks like a flag after --, and - for stdin", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* runLine(["--", "--x.torrent"])).input?.torrent, "--x.torrent");
      assert.strictEqual((yield* runLine(["-"])).input?.torrent, "-");
    }),
  );

  it.effect("lets a first word that names a subcommand select it, a path not", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* runLine(["info", "x.torrent"])).input);
      assert.strictEqual((yield* runLine(["./info"])).input?.torrent, "./info");
    }),
  );

  it.effect("refuses what it does not know, in one line with a hint", () =>
    Effect.all([
      usage([], "usage.missing-argument", "<torrent> is missing; see: bt-effect --help"),
      usage(["x", "--prot", "1"], "usage.unknown-flag", "there is no flag --prot; did you mean --port?"),
      usage(["x", "--no-such"], "usage.unknown-flag", "there is no flag --no-such; see: bt-effect --help"),
      usage(["x", "y", "z"], "usage.unexpected-argument", "too many arguments: z; see: bt-effect --help"),
    ]),
  );

  it.effect("refuses values out of range, and says what was expected", () =>
    Effect.all([
      usage(
        ["x", "--port", "65536"],
        "usage.bad-value",
        '--port "65536": expected a whole number from 0 to 65535; see: bt-effect --help',
      ),
      usage(
        ["x", "--timeout", "soon"],
        "usage.bad-value",
        '--timeout "soon": expected a duration like 30s, 5m or 1h, at most 24d; see: bt-effect --help',
      ),
      usage(["x", "--port"], "usage.missing-value", "--port needs a value (N); see: bt-effect --help"),
      usage(
        ["x", "--log-level", "loud"],
        "usage.bad-value",
        '--log-level "loud": expected trace, debug, info, warn, error, none; see: bt-effect --help',
      ),
    ]),
  );
});
