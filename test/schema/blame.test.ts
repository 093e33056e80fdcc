import { assert, describe, it } from "@effect/vitest";
import { Option, Schema } from "effect";
import { type Contribution, defaultBlameLimits, makeBlame } from "../../src/schema/blame.ts";

const digest = (n: number): Uint8Array => new Uint8Array(20).fill(n);
const good = (begin: number): Uint8Array => digest(begin & 0x7f);
const right = (begin: number, peer?: string): Contribution => ({ begin, peer, digest: good(begin) });
const wrong = (begin: number, peer?: string): Contribution => ({ begin, peer, digest: digest(255) });

describe("blame", () => {
  it("convicts a sole contributor at once", () => {
    const blame = makeBlame();
    assert.deepStrictEqual(blame.failed(3, [right(0, "a"), wrong(1, "a")]), ["a"]);
    assert.isFalse(blame.suspect(3), "the culprit is known");
    assert.deepStrictEqual(blame.verified(3, good), []);
  });

  it("waits for the good piece when there were several, then convicts those whose blocks differ", () => {
    const blame = makeBlame();
    assert.deepStrictEqual(blame.failed(3, [right(0, "a"), wrong(1, "b"), right(2, "c"), wrong(3, "b")]), []);
    assert.isTrue(blame.suspect(3));
    assert.isFalse(blame.suspect(4));
    assert.deepStrictEqual(blame.verified(4, good), []);
    assert.deepStrictEqual(blame.verified(3, good), ["b"]);
    assert.isFalse(blame.suspect(3));
    assert.deepStrictEqual(blame.verified(3, good), [], "once");
  });

  it("compares the blocks of all failures of the piece", () => {
    const blame = makeBlame();
    blame.failed(0, [wrong(0, "a"), right(1, "b")]);
    blame.failed(0, [right(0, "c"), wrong(1, "d")]);
    assert.deepStrictEqual(blame.verified(0, good), ["a", "d"]);
  });

  it("asks for each good digest once", () => {
    const blame = makeBlame();
    const asked: Array<number> = [];
    blame.failed(0, [right(0, "a"), right(1, "b")]);
    blame.failed(0, [right(0, "c"), wrong(1, "d")]);
    blame.verified(0, (begin) => {
      asked.push(begin);
      return good(begin);
    });
    assert.deepStrictEqual(asked, [0, 1]);
  });

  it("does not convict a sole peer when blocks from the disk were among the rest", () => {
    const blame = makeBlame();
    assert.deepStrictEqual(blame.failed(0, [wrong(0), right(1, "a")]), []);
    assert.isTrue(blame.suspect(0));
    assert.deepStrictEqual(blame.verified(0, good), []);
    assert.deepStrictEqual(blame.failed(1, [wrong(0), wrong(1)]), []);
  });

  it("lets a block pass that is no longer known", () => {
    const blame = makeBlame();
    blame.failed(0, [wrong(0, "a"), wrong(1, "b")]);
    assert.deepStrictEqual(
      blame.verified(0, (begin) => (begin === 0 ? undefined : good(begin))),
      ["b"],
    );
  });

  it("gives a piece up after five failures of peers that had not been convicted before", () => {
    const blame = makeBlame();
    for (let n = 0; n < 4; n++) blame.failed(7, [wrong(0, `a${n}`), wrong(1, "b")]);
    assert.deepStrictEqual(blame.failed(6, [wrong(0, "liar")]), ["liar"]);
    blame.failed(7, [wrong(0, "liar"), right(1, "b")]);
    assert.isTrue(Option.isNone(blame.hopeless(7)), "a known liar took part in the fifth");
    blame.failed(7, [wrong(0, "c"), right(1, "b")]);
    assert.deepStrictEqual(blame.hopeless(7), Option.some(5));
    assert.isTrue(Option.isNone(blame.hopeless(6)));
    blame.verified(7, good);
    assert.isTrue(Option.isNone(blame.hopeless(7)));
  });

  it("forgets the oldest pieces beyond its bounds", () => {
    const byPieces = makeBlame({ ...defaultBlameLimits, pieces: 2 });
    for (const index of [0, 1, 2]) byPieces.failed(index, [wrong(0, "a"), right(1, "b")]);
    assert.deepStrictEqual([0, 1, 2].map(byPieces.suspect), [false, true, true]);
    const byBlocks = makeBlame({ ...defaultBlameLimits, blocks: 5 });
    for (const index of [0, 1, 0, 2]) byBlocks.failed(index, [wrong(0, "a"), right(1, "b")]);
    assert.deepStrictEqual([0, 1, 2].map(byBlocks.suspect), [false, false, true], "0 had four blocks, 1 was older");
    byBlocks.failed(
      3,
      Array.from({ length: 9 }, (_, begin) => wrong(begin, `${begin}`)),
    );
    assert.deepStrictEqual([2, 3].map(byBlocks.suspect), [false, true]);
    assert.strictEqual(byBlocks.verified(3, good).length, 5);
  });

  it("forgets the oldest convicts beyond its bound", () => {
    const blame = makeBlame({ ...defaultBlameLimits, convicts: 1, failures: 1 });
    for (const peer of ["a", "b"]) blame.failed(0, [wrong(0, peer)]);
    blame.verified(0, good);
    blame.failed(1, [wrong(0, "b"), right(1, "c")]);
    assert.isTrue(Option.isNone(blame.hopeless(1)), "b is remembered");
    blame.failed(1, [wrong(0, "a"), right(1, "c")]);
    assert.deepStrictEqual(blame.hopeless(1), Option.some(1), "a is not");
  });

  it.prop(
    "never convicts who sent only good blocks, always who sent a bad one",
    {
      failures: Schema.Array(
        Schema.NonEmptyArray(Schema.Tuple([Schema.Literals(["a", "b", "c", "d"]), Schema.Boolean])),
      ),
    },
    ({ failures }) => {
      const blame = makeBlame();
      const convicted = new Set<string>();
      const liars = new Set<string>();
      for (const blocks of failures) {
        // A piece that failed has a bad block: the last one is.
        const sent = blocks.map(([peer, lie], at) =>
          lie || at === blocks.length - 1 ? wrong(at, peer) : right(at, peer),
        );
        blocks.forEach(([peer, lie], at) => {
          if (lie || at === blocks.length - 1) liars.add(peer);
        });
        for (const peer of blame.failed(0, sent)) convicted.add(peer);
      }
      for (const peer of blame.verified(0, good)) convicted.add(peer);
      assert.deepStrictEqual(convicted, liars);
    },
  );

  it("convicts those of the blocks that are known to be wrong, and nobody else", () => {
    const blame = makeBlame();
    const sent = [
      { ...right(0, "a"), wrong: false },
      { ...wrong(1, "b"), wrong: true },
      { ...wrong(2, "c"), wrong: true },
    ];
    assert.deepStrictEqual(blame.failed(7, sent), ["b", "c"]);
    assert.isFalse(blame.suspect(7));
    assert.deepStrictEqual(blame.verified(7, good), []);
  });

  it("convicts by the hashes of blocks when they are learnt after the failure, and seeks nobody any more", () => {
    const blame = makeBlame();
    assert.deepStrictEqual(blame.failed(7, [right(0, "a"), wrong(1, "b"), right(2, "a")]), []);
    assert.isTrue(blame.suspect(7));
    assert.deepStrictEqual(blame.compared(7, good), ["b"]);
    assert.isFalse(blame.suspect(7));
    assert.deepStrictEqual(blame.compared(7, good), []);
    assert.deepStrictEqual(blame.compared(8, good), []);
  });
});
