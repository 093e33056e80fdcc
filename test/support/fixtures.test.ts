import { assert, it } from "@effect/vitest";
import { Schema } from "effect";
import { describeFixtures, fixture, vectors } from "./fixtures.ts";

describeFixtures("fixtures", () => {
  const bencode = vectors("bencode", Schema.Struct({ valid: Schema.Array(Schema.Unknown) }));

  it("gives a group of vectors as its schema says", () => {
    assert.isAbove(bencode.valid.length, 10);
    assert.throws(() => vectors("bencode", Schema.Struct({ valid: Schema.String })));
  });
  it("gives the bytes of a file", () => {
    assert.strictEqual(fixture("torrents/libtorrent/base.torrent")[0], 0x64);
  });
});
