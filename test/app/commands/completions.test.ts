import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../../support/clients/folder.ts";
import { runLine } from "../support.ts";

/** Lets bash complete the last word of a line by the script, as it does when a tab is typed. */
const COMPLETE = `
source ./script
complete -p bt-effect
COMP_WORDS=(bt-effect "$@"); COMP_CWORD=$#; COMP_LINE="\${COMP_WORDS[*]}"; COMP_POINT=\${#COMP_LINE}
_bt_effect bt-effect "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe("completions for bash", () => {
  it.effect("offer commands, flags, their words, and files wherever one may stand", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      const { stdout } = yield* runLine(["completions", "bash"]);
      writeFileSync(join(folder, "script"), stdout);
      writeFileSync(join(folder, "debian.torrent"), "");
      const offered = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
        const done = spawnSync("bash", ["-c", COMPLETE, "bash", ...words], { cwd: folder, encoding: "utf8" });
        const [how, ...rest] = done.stdout.trimEnd().split("\n");
        // What makes bash offer files where nothing else is.
        assert.strictEqual(how, "complete -o bashdefault -o default -F _bt_effect bt-effect", done.stderr);
        return rest.filter(Boolean);
      };
      assert.deepStrictEqual(offered("cr"), ["create"]);
      assert.deepStrictEqual(offered("deb"), []);
      assert.deepStrictEqual(offered("create", "--ver"), ["--version"]);
      assert.deepStrictEqual(offered("create", "--version", "h"), ["hybrid"]);
      assert.deepStrictEqual(offered("--encryption", ""), ["allow", "prefer", "require", "off"]);
      assert.deepStrictEqual(offered("seed", "--log-level", "w"), ["warn"]);
      assert.deepStrictEqual(offered("info", "deb"), ["debian.torrent"]);
      assert.deepStrictEqual(offered("edit", "x.torrent", "-o", "deb"), ["debian.torrent"]);
      assert.deepStrictEqual(offered("magnet", "--save", "deb"), ["debian.torrent"]);
      assert.deepStrictEqual(offered("completions", "z"), ["zsh"]);
    }),
  );
});

describe("completions for other shells", () => {
  it.effect("offer files for the torrent of a download, too", () =>
    Effect.gen(function* () {
      const zsh = yield* runLine(["completions", "zsh"]);
      assert.match(zsh.stdout, /parent-arguments\n\s+':A \.torrent file[^\n]*:_files'/);
      const fish = yield* runLine(["completions", "fish"]);
      assert.notMatch(fish.stdout, /^complete -c bt-effect -n '__fish_use_subcommand' -f$/m);
      assert.match(fish.stdout, /-l encryption .* 'allow prefer require off'/);
    }),
  );
});
