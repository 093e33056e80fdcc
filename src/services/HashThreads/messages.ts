/** What the main thread and a hashing thread say to each other: everything of a job in few typed arrays, which cost next to nothing to hand over. */
import { NODE_LENGTH } from "../../schema/merkle.ts";
import { PIECE_HASH_LENGTH, type PieceDigest } from "../../schema/pieceHashes.ts";
import type { PieceRecipe } from "../pieceDigest.ts";
import type { Place } from "../Storage/Storage.ts";

/** A job; its answer goes by its number. */
export interface Question {
  readonly id: number;
  readonly recipes: Int32Array<ArrayBuffer>;
  readonly places: ReadonlyArray<Place>;
}

/** Without digests when the files could not be read. */
export interface Answer {
  readonly id: number;
  readonly digests: Uint8Array | undefined;
}

/** Numbers that a recipe takes. */
const NUMBERS = 3;
const NONE = -1;

/** Recipes as numbers. */
export const packRecipes = (pieces: ReadonlyArray<PieceRecipe>): Int32Array<ArrayBuffer> =>
  Int32Array.from(pieces.flatMap(({ length, level = NONE, padded = NONE }) => [length, padded, level]));

/** The recipes that the numbers stand for. */
export const unpackRecipes = (numbers: Int32Array): ReadonlyArray<PieceRecipe> =>
  Array.from({ length: numbers.length / NUMBERS }, (_, index): PieceRecipe => {
    const [length = 0, padded = NONE, level = NONE] = numbers.subarray(index * NUMBERS);
    return { length, ...(padded !== NONE && { padded }), ...(level !== NONE && { level }) };
  });

const digestLength = ({ level, padded }: PieceRecipe): number =>
  (padded === undefined ? 0 : PIECE_HASH_LENGTH) + (level === undefined ? 0 : NODE_LENGTH);

/** Room for the digests of pieces, and what puts them there one by one. */
export const packDigests = (pieces: ReadonlyArray<PieceRecipe>) => {
  const packed = new Uint8Array(pieces.reduce((length, piece) => length + digestLength(piece), 0));
  let at = 0;
  const put = (bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) return;
    packed.set(bytes, at);
    at += bytes.length;
  };
  const add = ({ node, sha1 }: PieceDigest): void => {
    put(sha1);
    put(node);
  };
  return { packed, add };
};

/** The digests of pieces; the bytes are shared, not copied. */
export const unpackDigests = (pieces: ReadonlyArray<PieceRecipe>, packed: Uint8Array): ReadonlyArray<PieceDigest> => {
  let at = 0;
  const take = (length: number): Uint8Array => packed.subarray(at, (at += length));
  return pieces.map(({ level, padded }) => ({
    ...(padded !== undefined && { sha1: take(PIECE_HASH_LENGTH) }),
    ...(level !== undefined && { node: take(NODE_LENGTH) }),
  }));
};
