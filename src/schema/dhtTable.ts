/** What is kept of the DHT between runs: our ids and the nodes that answered last, as a bencoded dictionary. A codec; what it reads is checked and bounded. */
import type * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { decode as decodeBencode, encode as encodeBencode, isDictionary } from "./bencode.ts";
import * as Dictionary from "./dictionary.ts";
import { type Contact, decodeNodes, encodeNodes } from "./compactNodes.ts";
import { NODE_ID_LENGTH, type NodeId } from "./nodeId.ts";

/** Bytes of a kept table at the most. */
export const MAX_TABLE_LENGTH = 64 * 1024;
/** Nodes of each family that are read. */
const MAX_SAVED = 500;

/** Our id and the nodes we know, of one address family. */
export interface SavedFamily {
  readonly id: NodeId;
  readonly nodes: ReadonlyArray<Contact>;
}

/** What is kept, by address family. */
export type SavedTable = ReadonlyMap<NetAddress.IpFamily, SavedFamily>;

const KEYS = { IPv4: { id: "id", nodes: "nodes" }, IPv6: { id: "id6", nodes: "nodes6" } } as const;

/** The bytes of a table. */
export const encodeTable = (table: SavedTable): Uint8Array =>
  encodeBencode(
    Dictionary.make(
      Object.fromEntries(
        [...table].flatMap(([family, { id, nodes }]) => [
          [KEYS[family].id, id],
          [KEYS[family].nodes, encodeNodes(nodes, family)],
        ]),
      ),
    ),
  );

/** Reads a table; none when the bytes are damaged. */
export const decodeTable = (bytes: Uint8Array): Option.Option<SavedTable> => {
  const decoded = decodeBencode(bytes, { maxLength: MAX_TABLE_LENGTH, maxDepth: 2, maxTokens: 64 });
  if (Result.isFailure(decoded) || !isDictionary(decoded.success)) return Option.none();
  const table = new Map<NetAddress.IpFamily, SavedFamily>();
  for (const family of ["IPv4", "IPv6"] as const) {
    const id = Dictionary.bytes(decoded.success, KEYS[family].id);
    if (id?.length !== NODE_ID_LENGTH) continue;
    const nodes = decodeNodes(Dictionary.bytes(decoded.success, KEYS[family].nodes), family, MAX_SAVED);
    table.set(family, { id: id.slice(), nodes });
  }
  return Option.some(table);
};
