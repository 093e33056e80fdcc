/**
 * Types for the packages without any, cut down to what their fronts here (`bencode.ts`, `magnet.ts`) use of them. No exported
 * declaration mentions them, so that the package's own types stand without this file.
 */
declare module "bencode" {
  const bencode: {
    /** For atoms only: a bigint it drops, keys it sorts wrongly. */
    readonly encode: (value: number | Uint8Array) => Uint8Array;
    /** For bytes that are known to be one canonical integer within the exact range: others it misreads or loops on. */
    readonly decode: (integer: Uint8Array) => number;
  };
  export default bencode;
}
