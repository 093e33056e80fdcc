/**
 * From bytes of the torrent to bytes of files: which file an offset falls into, and the pieces that a range is cut into by file borders.
 * Pure; a table is made once per open output.
 */
import type { StorageLayout } from "./Storage.ts";

/** A run of bytes that lies in one file. */
export interface Segment {
  /** Index into the layout's files. */
  readonly file: number;
  /** Where it begins in that file, in bytes. */
  readonly position: number;
  /** Where it begins in the range that was cut, in bytes. */
  readonly from: number;
  /** Bytes. */
  readonly length: number;
}

/** Finds files by offset, in the logarithm of their number. */
export interface Segments {
  /** Bytes of all files. */
  readonly total: number;
  /** The non-empty file that holds the byte at `offset`; the offset must lie inside the torrent. */
  readonly fileAt: (offset: number) => number;
  /** Cuts a range that lies inside the torrent. */
  readonly cut: (offset: number, length: number) => ReadonlyArray<Segment>;
}

/** Makes the table of a layout; files follow one another without gaps. */
export const make = (files: StorageLayout["files"]): Segments => {
  const indices: Array<number> = [];
  files.forEach((file, index) => {
    if (file.length > 0) indices.push(index);
  });
  const starts = Float64Array.from(indices, (index) => files[index]?.offset ?? 0);
  const total = files.reduce((sum, file) => sum + file.length, 0);

  const slotAt = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  return {
    total,
    fileAt: (offset) => indices[slotAt(offset)] ?? 0,
    cut: (offset, length) => {
      if (offset < 0 || offset + length > total) {
        throw new RangeError(`bytes ${offset} to ${offset + length} of a torrent of ${total} bytes`);
      }
      const segments: Array<Segment> = [];
      let from = 0;
      for (let slot = slotAt(offset); from < length; slot++) {
        const file = indices[slot] ?? 0;
        const position = offset + from - (starts[slot] ?? 0);
        const run = Math.min(length - from, (files[file]?.length ?? 0) - position);
        segments.push({ file, position, from, length: run });
        from += run;
      }
      return segments;
    },
  };
};
