import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { join } from "node:path";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { finished, makeHome, programPath, runProgram } from "../support/clients/program.ts";
import { album } from "../support/clients/album.ts";

describe("--pick", () => {
  it.live("asks nobody where there is no terminal", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* album;
      const torrent = join(folder, "x.torrent");
      yield* runProgram(home, ["create", join(folder, "album"), "-o", torrent]);
      const { status, stderr } = yield* runProgram(home, ["--dry-run", "--pick", torrent]);
      assert.strictEqual(status, 2);
      assert.match(stderr, /^bt-effect: --pick asks on a terminal/);
    }),
  );
});

describeClients("--pick on a terminal", ["script"], () => {
  it.live("takes keys, shows what they do, and goes on with what is chosen", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* album;
      const torrent = join(folder, "x.torrent");
      yield* runProgram(home, ["create", join(folder, "album"), "-o", torrent]);
      const command = `'${process.execPath}' '${programPath()}' --dry-run --pick '${torrent}'`;
      const env = { ...home.env, NO_COLOR: "1", TERM: "xterm" };
      /** Each of the keys is pressed when the screen shows what the last one did. */
      const pick = (...keys: ReadonlyArray<readonly [shown: RegExp, key: string]>) =>
        Effect.gen(function* () {
          const running = yield* start("/usr/bin/script", ["-qec", command, "/dev/null"], { env, typed: true });
          for (const [shown, key] of keys) {
            yield* running.prints(shown);
            yield* running.type(key);
          }
          return yield* finished(running);
        }).pipe(Effect.scoped);

      const some = yield* pick(
        [/> \[x\] 195\.3 KiB {2}B\.bin/, "\u{1b}[B"],
        [/> \[x\] {2}68\.4 KiB {2}a\.bin/, " "],
        [/ {2}\[ \] {2}68\.4 KiB {2}a\.bin/, "\r"],
      );
      assert.strictEqual(some.status, 0);
      assert.match(some.stdout, /Chosen {6}5 of 6 files/);
      assert.match(some.stdout, / {2}x 0 .* B\.bin\r\n {4}1 .* a\.bin\r\n {2}x 2 /);
      const none = yield* pick(
        [/> \[x\]/, "a"],
        [/> \[ \]/, "\r"],
        [/choose at least one file/, "a"],
        [/\[x\][^]*0 of 6[^]*6 of 6/, "\r"],
      );
      assert.match(none.stdout, /Chosen {6}6 of 6 files/);
      const stopped = yield* pick([/> \[x\]/, "\u{3}"]);
      assert.strictEqual(stopped.status, 130);
      assert.notInclude(stopped.stdout, "Chosen");
    }),
  );
});
