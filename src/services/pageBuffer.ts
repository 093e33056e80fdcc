/**
 * Memory for reads that begins where a page does. What `malloc` gives for as much begins 16 bytes into a page, and there processors (AMD's Zen 3) copy from the
 * page cache at a quarter of the speed; V8 takes whole pages for buffers that may be resized.
 */
export const pageBuffer = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new ArrayBuffer(length, { maxByteLength: length }));
