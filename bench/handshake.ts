/** The handshake of BEP 3 for the peers of the benchmark, which know no more of the protocol than they need. */

/** Bytes of a handshake. */
export const handshakeLength = 68;

/** A handshake for a torrent (40 hexadecimal digits) of a peer whose id is `client` and `name`; with the bit of BEP 10 where `extended`. */
export const handshake = (
  infoHash: string,
  { client, name, extended }: { readonly client: string; readonly name: string; readonly extended?: boolean },
): Buffer => {
  const reserved = Buffer.alloc(8);
  if (extended === true) reserved[5] = 0x10;
  return Buffer.concat([
    Buffer.from("\x13BitTorrent protocol", "latin1"),
    reserved,
    Buffer.from(infoHash, "hex"),
    Buffer.from(`-${client}-${name.padStart(12, "0")}`),
  ]);
};
