/**
 * The folder of recorded torrents, packets and published vectors that lies outside the repository. Where it is absent its tests are
 * skipped with a printed reason; with `BT_EFFECT_REQUIRE=fixtures` its absence is a failure. Nothing is copied from it.
 */
import { describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The fixtures' folder: `BT_EFFECT_FIXTURES`, by default `../shared/fixtures` beside the repository. */
const fixturesFolder = resolve(root, process.env.BT_EFFECT_FIXTURES ?? "../shared/fixtures");

const present = existsSync(join(fixturesFolder, "vectors.json"));
const required = (process.env.BT_EFFECT_REQUIRE ?? "").split(",").includes("fixtures");

/** The path of a fixture, from its path inside the folder. */
export const fixturePath = (path: string): string => join(fixturesFolder, path);

/** The bytes of a fixture. */
export const fixture = (path: string): Uint8Array => Uint8Array.from(readFileSync(fixturePath(path)));

/** A JSON fixture, checked by (and cut down to) `schema`. */
export const fixtureJson = <A>(path: string, schema: Schema.ConstraintDecoder<A>): A =>
  Schema.decodeUnknownSync(schema)(JSON.parse(readFileSync(fixturePath(path), "utf8")));

const Vectors = Schema.Struct({ vectors: Schema.Record(Schema.String, Schema.Unknown) });

/** One group of `vectors.json`, checked by (and cut down to) `schema`. */
export const vectors = <A>(group: string, schema: Schema.ConstraintDecoder<A>): A =>
  Schema.decodeUnknownSync(schema)(fixtureJson("vectors.json", Vectors).vectors[group]);

/**
 * `describe` for tests that read fixtures: `body` may load them at once, it is not called where they are absent (then the block is
 * skipped with its reason, or fails when they are required).
 */
export const describeFixtures = (name: string, body: () => void): void => {
  if (present) {
    describe(name, body);
    return;
  }
  const reason = `no fixtures in ${fixturesFolder} (set BT_EFFECT_FIXTURES)`;
  describe(name, () => {
    it("has its fixtures", (context) => {
      if (required) throw new Error(reason);
      console.warn(`skipped: ${name}: ${reason}`);
      context.skip(reason);
    });
  });
};
