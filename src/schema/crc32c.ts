/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), which BEP 42 makes node ids of. Not the CRC-32 of zip. */

/** The polynomial, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) === 0 ? 0 : POLYNOMIAL);
  return remainder;
});

/** The checksum of `bytes`, an unsigned 32-bit number. */
export const crc32c = (bytes: Uint8Array): number => {
  let remainder = 0xffff_ffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ byte) & 0xff] ?? 0);
  return (remainder ^ 0xffff_ffff) >>> 0;
};
