/**
 * Resume records as JSON: sets of bits in base64, everything bounded and consistent, or it does not decode. Where the text is kept, and how
 * it is guarded against damage, is the store's business.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as Bitfield from "./bitfield.ts";
import { MAX_PIECES } from "./metainfo/fields.ts";
import { MAX_RECORD_PEERS, RESUME_VERSION, type ResumeRecord } from "./resume.ts";

/** Bytes of a partial piece's block bits at the most: a piece of 1 GiB in blocks of 16 KiB. */
const MAX_BLOCK_BYTES = 8192;

/** Partial pieces at the most; many more than buffers hold. */
const MAX_PARTIAL = 4096;

/** Characters of a peer's `address:port` at the most: IPv6 in full, with a zone. */
const MAX_PEER_LENGTH = 80;

/** Characters of a record's text at the most; anything longer is not ours. */
export const MAX_RECORD_LENGTH = 32 * 1024 * 1024;

const Count = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })));

const Index = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: MAX_PIECES - 1 })));

const Partial = Schema.Struct({
  index: Index,
  blocks: Schema.Uint8ArrayFromBase64.pipe(
    Schema.check(Schema.makeFilter((blocks) => blocks.length <= MAX_BLOCK_BYTES || "too many blocks")),
  ),
});

const consistent = (record: ResumeRecord): boolean | string => {
  const { pieceCount, written, synced, partial } = record;
  if (!Bitfield.fits(written, pieceCount) || !Bitfield.fits(synced, pieceCount))
    return "the bits do not fit the pieces";
  if (!Bitfield.isSubset(synced, written)) return "synced, but not written";
  return partial.every(({ index }) => index < pieceCount) || "a partial piece that does not exist";
};

/** A record as it is kept; decoding fails on any other version. */
export const ResumeRecordJson = Schema.Struct({
  version: Schema.Literal(RESUME_VERSION),
  time: Count,
  bootId: Schema.String,
  clean: Schema.Boolean,
  complete: Schema.Boolean,
  pieceCount: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: MAX_PIECES }))),
  written: Schema.Uint8ArrayFromBase64,
  synced: Schema.Uint8ArrayFromBase64,
  partial: Schema.Array(Partial).pipe(Schema.check(Schema.isMaxLength(MAX_PARTIAL))),
  downloaded: Count,
  uploaded: Count,
  peers: Schema.optionalKey(
    Schema.Array(Schema.String.pipe(Schema.check(Schema.isMaxLength(MAX_PEER_LENGTH)))).pipe(
      Schema.check(Schema.isMaxLength(MAX_RECORD_PEERS)),
    ),
  ),
  selected: Schema.optionalKey(Schema.Array(Count)),
}).pipe(Schema.check(Schema.makeFilter(consistent)));

/** A record with the output that it is about, as text. */
const Kept = Schema.fromJsonString(Schema.Struct({ root: Schema.String, record: ResumeRecordJson }));

/** What `encode` is given and `decode` gives. */
export interface KeptRecord {
  /** Absolute path of the output. */
  readonly root: string;
  readonly record: ResumeRecord;
}

const decodeKept = Schema.decodeUnknownOption(Kept);
const encodeKept = Schema.encodeEffect(Kept);

/** The record of a text; none when it is damaged, inconsistent or of another version. */
export const decode = (text: string): Option.Option<KeptRecord> =>
  text.length > MAX_RECORD_LENGTH ? Option.none() : decodeKept(text);

/** The text of a record; a record that would not decode again is a defect of whoever made it. */
export const encode = (kept: KeptRecord): Effect.Effect<string> => Effect.orDie(encodeKept(kept));
