/** The two ends of a connection in memory that settle how it is encrypted, and what goes over the wire meanwhile. */
import { Context, Effect, Layer, Option } from "effect";
import { SecureRandom } from "effect/crypto";
import { NetAddress } from "effect/net";
import { fromBytes, type InfoHash } from "../../../src/schema/infoHash.ts";
import type * as Mse from "../../../src/schema/mse.ts";
import type { LinkOptions } from "../../../src/services/MemoryNetwork/link.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { type Ingredients, initiate, respond } from "../../../src/services/Transport/mse.ts";
import { type Connection, Transport } from "../../../src/services/Transport/Transport.ts";
import { digests } from "../../support/digests.ts";
import { connect, pattern, type Pair } from "./pair.ts";

const { sha1 } = digests;

/** An info-hash. */
export const torrentOf = (seed: number): InfoHash => Option.getOrThrow(fromBytes(pattern(20, seed)));
/** The torrent that is asked for. */
export const torrent = torrentOf(1);

/** Chance that is the same for each run. */
const ingredients = (seed: number): Ingredients => {
  let calls = 0;
  return { sha1, random: SecureRandom.make((length) => pattern(length, seed * 1_000 + ++calls)) };
};

/** Both ends of a connection over a link that is as told. */
export const pairOver = (options: LinkOptions = {}) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options);
    const transport = (address: string) =>
      Effect.map(Layer.build(network.host(address)), (context) => Context.get(context, Transport));
    return yield* connect({
      dialler: yield* transport("10.0.0.1"),
      listener: yield* transport("10.0.0.2"),
      at: (port) => NetAddress.inetAddressFromStringUnsafe(`10.0.0.2:${port}`),
    });
  });

/** What the side that dials has to say first. */
export const initial = pattern(68, 5);
/** What each end of a pair does: `going` the one that dialled, `coming` the other. */
export const handshakes = (
  { dialled, accepted }: Pair,
  options: {
    readonly offered?: ReadonlyArray<Mse.CryptoMethod>;
    readonly preferred?: ReadonlyArray<Mse.CryptoMethod>;
    readonly known?: ReadonlyArray<InfoHash>;
    readonly initial?: Uint8Array;
    readonly seed?: number;
  } = {},
) => {
  const { offered = ["rc4"], preferred = ["rc4"], known = [torrent], seed = 1 } = options;
  return {
    going: initiate(dialled, {
      ...ingredients(seed),
      infoHash: torrent,
      offered,
      initial: options.initial ?? initial,
    }),
    coming: respond(accepted, { ...ingredients(seed + 1), known, preferred }),
  };
};

/** What one end wrote, as the wire saw it. */
export const tapped = (connection: Connection): { readonly connection: Connection; readonly written: () => Buffer } => {
  const all: Array<Uint8Array> = [];
  const note = (bytes: Uint8Array): Uint8Array => {
    all.push(bytes.slice());
    return bytes;
  };
  return {
    connection: {
      ...connection,
      sendUnsafe: (bytes) => connection.sendUnsafe(note(bytes)),
      send: (chunks) => connection.send(chunks.map(note)),
    },
    written: () => Buffer.concat(all),
  };
};
