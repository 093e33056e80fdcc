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

declare module "magnet-uri" {
  /** For links made of checked values only: of others it throws, or allocates what they ask for. */
  export const decode: (uri: string) => {
    readonly infoHashBuffer?: Uint8Array;
    readonly infoHashV2Buffer?: Uint8Array;
    readonly announce: ReadonlyArray<string>;
    readonly urlList: ReadonlyArray<string>;
    readonly peerAddresses: ReadonlyArray<string>;
  };
  /** Knows no `dht`, and of `so` only lists of all indices. */
  export const encode: (magnet: {
    readonly infoHash?: string;
    readonly infoHashV2?: string;
    readonly name?: string;
    readonly xl?: number;
    readonly announce?: ReadonlyArray<string>;
    readonly urlList?: ReadonlyArray<string>;
    readonly peerAddresses?: ReadonlyArray<string>;
  }) => string;
}
