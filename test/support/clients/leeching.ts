/** What is fetched from every kind of client, and how it is asked for. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, type Scope } from "effect";
import { emptyFolder } from "./folder.ts";
import { assertSame, makePayload, type Payload, type PayloadOptions } from "./payload.ts";
import { eventsOfType, makeHome, runProgram } from "./program.ts";
import type { Seeder } from "./seeder.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Forty folders of fifty files, from nothing to 3 kB. */
const smallFiles = Object.fromEntries(
  Array.from({ length: 2_000 }, (_, index) => [`d${index % 40}/file-${index}.dat`, (index * 37) % 3_001]),
);

const decomposed = "Zoe\u0308";
const composed = "Zo\u00eb";

const cases: Readonly<Record<string, Pick<PayloadOptions, "name" | "pieceLength" | "content">>> = {
  "one file": { name: "one file.bin", pieceLength: 256 * KIB, content: 9 * MIB + 123 },
  "2,000 small files": { name: "small", pieceLength: 32 * KIB, content: smallFiles },
  "empty files before, between and after others": {
    name: "empty",
    pieceLength: 16 * KIB,
    content: { "a/first": 0, "b/full": 40_000, "c/between": 0, "c/between too": 0, "d/full": 1, "e/last": 0 },
  },
  "names in all alphabets, composed and decomposed": {
    name: `${decomposed} 日本語`,
    pieceLength: 16 * KIB,
    content: { [`${composed}.txt`]: 20_000, [`${decomposed} b/наука.txt`]: 30_000, "😀/عربي": 10_000, [`ﬁle 가`]: 5 },
  },
  "pieces of 16 KiB": { name: "small pieces", pieceLength: 16 * KIB, content: 3 * MIB + 1 },
  "pieces of 16 MiB": { name: "large pieces", pieceLength: 16 * MIB, content: 40 * MIB + 1 },
};

/** Downloads a payload from one peer and compares it; nothing may come twice. Of pads, `padding` bytes may come in blocks that are part file, part pad. */
export const fetchesFrom = (payload: Payload, seeder: Seeder, padding = 0): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const home = yield* makeHome;
    const out = home.out("out");
    const args = [payload.torrent, out, "--peer", seeder.address, "--port", "0", "--bind", "127.0.0.1", "--json"];
    const { status, stderr, stdout } = yield* runProgram(home, args);
    assert.strictEqual(stderr, "");
    assert.strictEqual(status, 0);
    assertSame(payload, out);
    const [complete] = eventsOfType(stdout, "complete");
    assert.strictEqual(complete?.size, payload.size);
    assert.isAtLeast(complete?.downloaded ?? 0, payload.size);
    assert.isAtMost(complete?.downloaded ?? Number.POSITIVE_INFINITY, payload.size + padding);
  });

/** One test for each kind of payload, side by side. */
export const describeLeeching = (
  client: string,
  seed: (payload: Payload) => Effect.Effect<Seeder, never, Scope.Scope>,
): void => {
  describe.concurrent(`the program with ${client} as its only peer`, () => {
    for (const [name, options] of Object.entries(cases)) {
      it.live(`fetches ${name}`, () =>
        Effect.gen(function* () {
          const payload = yield* makePayload({ folder: yield* emptyFolder, ...options });
          yield* fetchesFrom(payload, yield* seed(payload));
        }),
      );
    }
  });
};
