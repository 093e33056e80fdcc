/** What we say first in a conversation: the pieces that we have, our extensions, the port of the DHT and the pieces that are allowed, in one write. */
import { concat } from "../schema/bytes.ts";
import { encode } from "../schema/wire.ts";
import type { Extensions } from "./extensions.ts";
import type { Link } from "./link.ts";
import type { Serving } from "./serving.ts";
import type { SwarmState } from "./Swarm.ts";

/** The greeting as bytes. A super-seed claims nothing (BEP 16). */
export const greet = (options: {
  readonly link: Pick<Link, "fast" | "extended" | "dht">;
  readonly swarm: Pick<SwarmState, "superSeeding" | "torrent" | "dht">;
  readonly extensions: Pick<Extensions, "greeting">;
  readonly serving: Pick<Serving, "allow">;
}): Uint8Array => {
  const { link, swarm } = options;
  const torrent = swarm.superSeeding()?.isPosing() === true ? undefined : swarm.torrent();
  const table = torrent?.table;
  const parts: Array<Uint8Array> = [];
  if (table !== undefined && table.haveCount() > 0) {
    if (link.fast && table.haveCount() === table.pieceCount) parts.push(encode({ _tag: "HaveAll" }));
    else parts.push(encode({ _tag: "Bitfield", bits: table.haveBits }));
  } else if (link.fast) parts.push(encode({ _tag: "HaveNone" }));
  if (link.extended) parts.push(options.extensions.greeting());
  const dhtPort = link.dht ? swarm.dht.port() : undefined;
  if (dhtPort !== undefined) parts.push(encode({ _tag: "Port", port: dhtPort }));
  if (torrent !== undefined) parts.push(...options.serving.allow(torrent).map(encode));
  return concat(parts);
};
