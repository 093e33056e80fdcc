/** Nodes of the DHT, and single addresses, as runs of bytes (BEP 5, 32): an id of 20 bytes and an address with its port, 26 bytes for IPv4 and 38 for IPv6. */
import * as NetAddress from "effect/net/NetAddress";
import { decodePeers, decodePeers6, encodePeers, encodePeers6 } from "./compactPeers.ts";
import { NODE_ID_LENGTH, type NodeId } from "./nodeId.ts";

/** Nodes of one list that are taken; BEP 5 has 8. */
const MAX_NODES = 32;

/** A node: its id and where it is. */
export interface Contact {
  readonly id: NodeId;
  readonly address: NetAddress.InetAddress;
}

/** The length of an address with its port, in bytes. */
const ADDRESS_LENGTH = { IPv4: 6, IPv6: 18 } as const;

/** An address with its port, 6 or 18 bytes. */
export const encodeAddress = (address: NetAddress.InetAddress): Uint8Array =>
  NetAddress.isInetAddressV4(address) ? encodePeers([address]) : encodePeers6([address]);

/** The address of 6 or 18 bytes; none of any other length. */
export const decodeAddress = (bytes: Uint8Array): NetAddress.InetAddress | undefined =>
  bytes.length === ADDRESS_LENGTH.IPv4
    ? decodePeers(bytes)[0]
    : bytes.length === ADDRESS_LENGTH.IPv6
      ? decodePeers6(bytes)[0]
      : undefined;

/** The nodes of one family as a run of ids with addresses (BEP 5, 32), 26 or 38 bytes each; nothing for none. */
export const encodeNodes = (nodes: ReadonlyArray<Contact>, family: NetAddress.IpFamily): Uint8Array | undefined => {
  const chosen = nodes.filter(({ address }) => NetAddress.familyOf(address) === family);
  if (chosen.length === 0) return undefined;
  const length = NODE_ID_LENGTH + ADDRESS_LENGTH[family];
  const bytes = new Uint8Array(chosen.length * length);
  chosen.forEach(({ id, address }, i) => {
    bytes.set(id, i * length);
    bytes.set(encodeAddress(address), i * length + NODE_ID_LENGTH);
  });
  return bytes;
};

/** The first `limit` nodes of a run (see `encodeNodes`); a run whose length does not fit holds none. */
export const decodeNodes = (
  bytes: Uint8Array | undefined,
  family: NetAddress.IpFamily,
  limit: number = MAX_NODES,
): ReadonlyArray<Contact> => {
  const length = NODE_ID_LENGTH + ADDRESS_LENGTH[family];
  if (bytes === undefined || bytes.length % length !== 0) return [];
  const nodes: Array<Contact> = [];
  const end = Math.min(bytes.length, limit * length);
  for (let at = 0; at < end; at += length) {
    const address = decodeAddress(bytes.subarray(at + NODE_ID_LENGTH, at + length));
    if (address !== undefined) nodes.push({ id: bytes.slice(at, at + NODE_ID_LENGTH), address });
  }
  return nodes;
};
