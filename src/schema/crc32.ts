/**
 * Two checksums of 32 bits: CRC-32C (Castagnoli, RFC 3720 appendix B.4), which BEP 42 makes node ids of, and the CRC-32 of zip, which seals resume records.
 * Node's own of the latter is in `node:zlib`, which takes 7 ms to load.
 */

/** A checksum by its polynomial, bits reversed. */
const make = (polynomial: number): ((bytes: Uint8Array) => number) => {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) === 0 ? 0 : polynomial);
    return remainder;
  });
  return (bytes) => {
    let remainder = 0xffff_ffff;
    for (const byte of bytes) remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
    return (remainder ^ 0xffff_ffff) >>> 0;
  };
};

/** The CRC-32C of `bytes`, an unsigned 32-bit number. */
export const crc32c = make(0x82f6_3b78);

/** The CRC-32 of `bytes`, an unsigned 32-bit number. */
export const crc32 = make(0xedb8_8320);
