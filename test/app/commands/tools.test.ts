import { assert, describe, it } from "@effect/vitest";
import { Effect, Option } from "effect";
import { runLine } from "../support.ts";

/** One line that says what is wrong, and its code. */
const refusal = (...args: ReadonlyArray<string>) =>
  Effect.map(runLine(args), ({ error, stdout }) => {
    if (!(error instanceof Error) || !("code" in error)) return assert.fail(args.join(" "));
    assert.notInclude(error.message, "\n");
    assert.strictEqual(stdout, "");
    return error.code;
  });

describe("the tools", () => {
  it.effect("have help with examples", () =>
    Effect.gen(function* () {
      for (const command of ["verify", "create", "edit", "magnet", "scrape", "completions", "seed", "info"]) {
        const { stdout } = yield* runLine([command, "--help"]);
        assert.include(stdout, `bt-effect ${command}`);
        assert.match(stdout, /EXAMPLES\n(?:.*\n)*.*bt-effect /, command);
      }
    }),
  );

  it.effect("refuse in one line what makes no sense", () =>
    Effect.gen(function* () {
      const hash = "0123456789abcdef0123456789abcdef01234567";
      assert.strictEqual(yield* refusal("verify", hash, "/x"), "source.only-link");
      assert.strictEqual(yield* refusal("verify", "x.torrent"), "usage.missing-argument");
      assert.strictEqual(yield* refusal("verify", "no.torrent", "/x"), "source.not-found");
      assert.strictEqual(yield* refusal("create", "x", "--piece-length", "100K"), "usage.bad-value");
      assert.strictEqual(yield* refusal("create", "x", "--tracker", "http://a,nonsense"), "usage.bad-value");
      assert.strictEqual(yield* refusal("edit", "x.torrent", "--comment", "c"), "usage.missing-flag");
      assert.strictEqual(yield* refusal("edit", "x.torrent", "-o", "y"), "usage.invalid");
      const both = ["--tracker", "http://a", "--no-trackers"];
      assert.strictEqual(yield* refusal("edit", "x.torrent", "-o", "y", ...both), "usage.invalid");
      assert.strictEqual(yield* refusal("scrape", hash), "scrape.no-tracker");
      assert.strictEqual(yield* refusal("completions", "tcsh"), "usage.bad-value");
    }),
  );

  it.effect("do not mix a .torrent and JSON on standard output", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runLine(["create", "x", "--json", "-o", "-"]);
      assert.match(stdout, /^\{"type":"error","code":"usage.invalid",.*\}\n$/);
    }),
  );

  it.effect("take trackers of downloads from the environment for none of the torrents they make", () =>
    Effect.gen(function* () {
      const world = { environment: { BT_EFFECT_TRACKER: "http://mine/announce", BT_EFFECT_COMMENT: "x" } };
      const { error } = yield* runLine(["edit", "x.torrent", "-o", "y"], world);
      assert.match(error instanceof Error ? error.message : "", /nothing to change/);
    }),
  );

  it.effect("print a link in order, and completions that know every command", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runLine(["magnet", "0123456789ABCDEF0123456789abcdef01234567"]);
      assert.strictEqual(stdout, "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567\n");
      for (const shell of ["bash", "zsh", "fish"]) {
        const script = (yield* runLine(["completions", shell])).stdout;
        for (const word of ["verify", "piece-length", "dry-run", "scrape"]) assert.include(script, word, shell);
      }
    }),
  );

  it.effect("say in JSON what a line is and when it was said", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runLine(["magnet", "--json", "0123456789abcdef0123456789abcdef01234567"]);
      assert.deepStrictEqual(JSON.parse(stdout), {
        type: "magnet",
        magnet: "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567",
        time: "1970-01-01T00:00:00.000Z",
      });
    }),
  );

  it.effect("offer no flags of payload where there is only a link", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runLine(["magnet", "--help"]);
      assert.include(stdout, "--no-dht");
      for (const flag of [
        "--check",
        "--download-limit",
        "--upload-limit",
        "--seed-ratio",
        "--seed-time",
        "--super-seed",
      ])
        assert.notInclude(stdout, flag);
    }),
  );

  it.effect("hand a dry run to the download's own reader of flags", () =>
    Effect.gen(function* () {
      const { input } = yield* runLine(["x.torrent", "--dry-run", "--select", "0"]);
      assert.isTrue(input?.dryRun);
      assert.deepStrictEqual(input?.out, Option.none());
    }),
  );
});
