import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as Bitfield from "../../src/schema/bitfield.ts";
import type { ResumeRecord } from "../../src/schema/resume.ts";
import { decode, encode } from "../../src/schema/resumeCodec.ts";

const record: ResumeRecord = {
  version: 1,
  time: 1_700_000_000_000,
  bootId: "boot",
  clean: false,
  complete: false,
  pieceCount: 10,
  written: Uint8Array.of(0b1110_0000, 0b0100_0000),
  synced: Uint8Array.of(0b1010_0000, 0),
  partial: [{ index: 4, blocks: Uint8Array.of(0x80) }],
  downloaded: 12,
  uploaded: 0,
  peers: ["10.0.0.1:6881", "[fe80::1%2]:6881"],
  selected: [0, 3],
};
const text = Effect.map(encode({ root: "/out", record }), (json): Record<string, Record<string, unknown>> =>
  JSON.parse(json),
);

describe("resumeCodec", () => {
  it.effect.prop(
    "gives back what it was given",
    {
      root: Schema.String,
      pieceCount: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
      chance: Schema.Array(Schema.Boolean),
      clean: Schema.Boolean,
    },
    ({ root, pieceCount, chance, clean }) =>
      Effect.gen(function* () {
        const written = Bitfield.make(pieceCount);
        const synced = Bitfield.make(pieceCount);
        chance.slice(0, pieceCount).forEach((both, index) => {
          Bitfield.set(written, index);
          if (both) Bitfield.set(synced, index);
        });
        const { selected: _, ...rest } = record;
        const kept = { root, record: { ...rest, pieceCount, written, synced, partial: [], clean } };
        assert.deepStrictEqual(Option.getOrUndefined(decode(yield* encode(kept))), kept);
      }),
  );

  it.effect("keeps what is optional", () =>
    Effect.gen(function* () {
      const json = yield* encode({ root: "/out", record });
      assert.deepStrictEqual(Option.getOrUndefined(decode(json)), { root: "/out", record });
    }),
  );

  it.prop("never throws, whatever the text", [Schema.String], ([any]) => assert.isTrue(Option.isNone(decode(any))));

  const broken: ReadonlyArray<readonly [string, Record<string, unknown>]> = [
    ["another version", { version: 2 }],
    ["bits of another length", { written: "AA==" }],
    ["spare bits that are set", { written: "//8=", synced: "AAA=" }],
    ["pieces that are synced, but not written", { synced: "EAA=" }],
    ["a partial piece that does not exist", { partial: [{ index: 10, blocks: "gA==" }] }],
    ["more blocks than any piece has", { partial: [{ index: 1, blocks: Buffer.alloc(9000).toString("base64") }] }],
    ["a negative count", { downloaded: -1 }],
    ["more peers than are kept", { peers: Array.from({ length: 201 }, (_, port) => `10.0.0.1:${port}`) }],
    ["a peer that is too long to be one", { peers: ["1".repeat(100)] }],
    ["no pieces", { pieceCount: 0, written: "", synced: "" }],
    ["an absurd number of pieces", { pieceCount: 2 ** 40 }],
    ["text where bits should be", { written: "***" }],
  ];
  for (const [name, change] of broken) {
    it.effect(`refuses ${name}`, () =>
      Effect.map(text, (json) => {
        assert.isTrue(Option.isSome(decode(JSON.stringify(json))));
        assert.isTrue(Option.isNone(decode(JSON.stringify({ ...json, record: { ...json["record"], ...change } }))));
      }),
    );
  }
});
