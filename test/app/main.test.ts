/** The program as a process: status, streams and signals. Run from the sources, on loopback. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/schema/version.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const MAGNET = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=nobody+has+it";

/** A folder that is the process's home, working folder and place for state. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "bt-effect-main-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
);

/** A tracker that takes connections and never answers; gives its URL. */
const silentTracker = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly close: Effect.Effect<void> }>((resume) => {
    const server = createServer();
    const sockets = new Set<{ readonly destroy: () => void }>();
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    });
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const close = Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resume(Effect.void));
      });
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}/announce`, close }));
    });
  }),
  ({ close }) => close,
);

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the call of `act`, ms. */
  readonly millis: number;
}

/** Runs the program; `act` is called at its first output. */
const runMain = (args: ReadonlyArray<string>, act: (child: ChildProcessWithoutNullStreams) => void = () => {}) =>
  Effect.flatMap(folder, (home) =>
    Effect.callback<Ended>((resume) => {
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd: home,
        env: {
          HOME: home,
          XDG_STATE_HOME: home,
          XDG_CONFIG_HOME: home,
          BT_EFFECT_NO_DHT: "true",
          BT_EFFECT_NO_LSD: "true",
          BT_EFFECT_NO_PORT_MAPPING: "true",
          LANG: "C.UTF-8",
        },
      });
      const out: Array<string> = [];
      const err: Array<string> = [];
      let acted = 0;
      const keep = (texts: Array<string>) => (bytes: Buffer) => {
        texts.push(bytes.toString());
        if (acted !== 0) return;
        acted = performance.now();
        act(child);
      };
      child.stdout.on("data", keep(out));
      child.stderr.on("data", keep(err));
      child.on("close", (status) =>
        resume(
          Effect.succeed({ status, stdout: out.join(""), stderr: err.join(""), millis: performance.now() - acted }),
        ),
      );
      return Effect.sync(() => child.kill("SIGKILL"));
    }),
  );

describe("main", () => {
  it.live("answers --version", () =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = yield* runMain(["--version"]);
      assert.deepStrictEqual({ status, stderr, stdout }, { status: 0, stderr: "", stdout: `bt-effect ${VERSION}\n` });
    }),
  );

  const full = existsSync("/dev/full");
  it.live.skipIf(!full)(`ends with 4 where its results are lost${full ? "" : " (skipped: no /dev/full here)"}`, () =>
    Effect.gen(function* () {
      for (const args of [["--version"], ["magnet", "0123456789abcdef0123456789abcdef01234567"]]) {
        const { status, stderr } = spawnSync("sh", [
          "-c",
          'exec "$0" "$@" > /dev/full',
          process.execPath,
          MAIN,
          ...args,
        ]);
        assert.deepStrictEqual([status, String(stderr)], [4, "bt-effect: standard output: the disk is full\n"]);
      }
    }),
  );

  it.live("ends with 2 and one line on stderr after a usage error", () =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = yield* runMain(["--port", "x", "y"]);
      assert.deepStrictEqual({ status, stdout }, { status: 2, stdout: "" });
      assert.match(stderr, /^bt-effect: --port "x": expected .*\n$/);
    }),
  );

  it.live("ends with 3 where there is no torrent, and says so as an event with --json", () =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = yield* runMain(["--json", "no-such.torrent"]);
      assert.strictEqual(status, 3);
      assert.strictEqual(stderr, "bt-effect: no-such.torrent: no such file\n");
      assert.match(stdout, /^\{"type":"error","code":"source\.not-found",.*\}\n$/);
    }),
  );

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 143],
  ] as const) {
    it.live(`stops within 3 s after ${signal}, ends with ${expected} and tells how to resume`, () =>
      Effect.gen(function* () {
        const { url } = yield* silentTracker;
        const args = ["--port", "0", "--tracker", url, MAGNET];
        const { millis, status, stderr } = yield* runMain(args, (child) => child.kill(signal));
        assert.strictEqual(status, expected);
        assert.isBelow(millis, 3_000);
        assert.isTrue(
          stderr.endsWith(`bt-effect: stopped; resume with: bt-effect --port 0 --tracker ${url} '${MAGNET}'\n`),
          stderr,
        );
      }),
    );
  }

  it.live("ends with 5 where nothing arrives within --timeout", () =>
    Effect.gen(function* () {
      const { url } = yield* silentTracker;
      const { status, stderr } = yield* runMain(["--port", "0", "--timeout", "500ms", "--tracker", url, MAGNET]);
      assert.strictEqual(status, 5, stderr);
    }),
  );

  it.live("goes on when nobody reads its stdout any more", () =>
    Effect.gen(function* () {
      const { url } = yield* silentTracker;
      const args = ["--json", "--port", "0", "--timeout", "1500ms", "--tracker", url, MAGNET];
      const { status, stdout } = yield* runMain(args, (child) => child.stdout.destroy());
      assert.strictEqual(status, 5);
      assert.include(stdout, '"started"');
      assert.notInclude(stdout, '"error"');
    }),
  );
});
