import { assert, describe, it } from "@effect/vitest";
import { Cause } from "effect";
import { commandLine } from "../../src/app/commandLine.ts";
import { endingOf } from "../../src/app/exit.ts";
import { SourceError } from "../../src/app/SourceError.ts";
import { UsageError } from "../../src/app/UsageError.ts";
import type { Explained } from "../../src/schema/errors/code.ts";
import { DownloadFailed } from "../../src/schema/errors/DownloadError.ts";
import { MetainfoError } from "../../src/schema/errors/MetainfoError.ts";
import { StorageError } from "../../src/schema/errors/StorageError.ts";

const table: ReadonlyArray<readonly [error: Explained, status: number]> = [
  [new UsageError({ kind: "unknown-flag", problem: "p" }), 2],
  [new DownloadFailed({ name: "n", reason: { _tag: "NothingSelected", pattern: "*.x" } }), 2],
  [new SourceError({ name: "x.torrent", reason: { _tag: "NotFound" } }), 3],
  [
    new SourceError({
      name: "x.torrent",
      reason: { _tag: "Invalid", error: new MetainfoError({ reason: { _tag: "NotDictionary" } }) },
    }),
    3,
  ],
  [
    new DownloadFailed({
      name: "n",
      reason: { _tag: "Invalid", error: new MetainfoError({ reason: { _tag: "TwoTorrents" } }) },
    }),
    3,
  ],
  [new StorageError({ operation: "write", path: "/x", reason: { _tag: "NoSpace" } }), 4],
  [new StorageError({ operation: "lock", path: "/x", reason: { _tag: "Busy" } }), 4],
  [new DownloadFailed({ name: "n", reason: { _tag: "NoProgress", seconds: 5, waiting: "w" } }), 5],
  [new DownloadFailed({ name: "n", reason: { _tag: "NothingToAsk" } }), 5],
  [{ _tag: "Other", code: "other.thing", message: "m" }, 1],
];

describe("exit", () => {
  for (const [error, status] of table) {
    it(`ends with ${status} after ${error.code}`, () => {
      assert.deepStrictEqual(endingOf(Cause.fail(error)), { status, line: `bt-effect: ${error.message}\n` });
    });
  }

  it("ends with the status of the signal, all having been said", () => {
    const cause = Cause.interrupt(1);
    assert.deepStrictEqual(endingOf(cause, { signal: "SIGINT" }), { status: 130 });
    assert.deepStrictEqual(endingOf(cause, { signal: "SIGTERM" }), { status: 143 });
    assert.deepStrictEqual(endingOf(cause, { signal: "SIGHUP" }), { status: 143 });
  });

  it("ends with 0 when nothing was left undone", () => {
    assert.deepStrictEqual(endingOf(Cause.interrupt(1), { signal: "SIGTERM", harmless: true }), { status: 0 });
  });

  it("tells a failure that came while stopping", () => {
    const error = new StorageError({ operation: "write", path: "/x", reason: { _tag: "NoSpace" } });
    assert.strictEqual(endingOf(Cause.combine(Cause.interrupt(1), Cause.fail(error)), { signal: "SIGINT" }).status, 4);
  });

  it("calls a defect a bug, in one line without a stack", () => {
    const { line, status } = endingOf(Cause.die(new TypeError("x is undefined\n    at y")));
    assert.strictEqual(status, 1);
    assert.strictEqual(line, "bt-effect: x is undefined (this is a bug in bt-effect; --debug shows where)\n");
  });

  it("lets no name in a message steer the terminal", () => {
    const error = new SourceError({ name: "\u{1b}[2Jx", reason: { _tag: "NotFound" } });
    assert.strictEqual(endingOf(Cause.fail(error)).line, "bt-effect: ?[2Jx: no such file\n");
  });
});

describe("commandLine", () => {
  it("quotes what a shell would take apart", () => {
    assert.strictEqual(
      commandLine(["magnet:?xt=urn:btih:aa&dn=b", "it's here", "--select", "*.iso", "a/b.torrent", ""]),
      String.raw`bt-effect 'magnet:?xt=urn:btih:aa&dn=b' 'it'\''s here' --select '*.iso' a/b.torrent ''`,
    );
  });
});
