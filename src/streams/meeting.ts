/**
 * What the conversations of one download share: the swarm with its metadata exchange, encryption and holepunch, made from a request. It holds no peers
 * itself (Swarm.ts) and looks for none (sources.ts).
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type { Hasher } from "../services/Hasher.ts";
import { Transport } from "../services/Transport/Transport.ts";
import type { Acquaintances } from "./acquaintances.ts";
import type { Discovery } from "./discovery.ts";
import type { Entrance } from "./entrance.ts";
import { makeEncryption } from "./encryption.ts";
import { makeHolepunch } from "./holepunch.ts";
import type { Identity } from "./identity.ts";
import { freshPeerId } from "./listening.ts";
import { makeMetadataExchange } from "./metadata.ts";
import type { DownloadRequest } from "./request.ts";
import { makeSwarm, type SwarmState, type Totals } from "./Swarm.ts";
import type { Vantage } from "./vantage.ts";

/** What a swarm is made from. */
export interface MeetingOptions {
  readonly identity: Identity;
  readonly discovery: Discovery;
  readonly acquaintances: Acquaintances;
  readonly totals: Totals;
  readonly entrance: Entrance;
  readonly vantage: Vantage;
}

/** A swarm, and the info dictionary that its peers will have sent. */
export interface Meeting {
  readonly swarm: SwarmState;
  readonly metadata: Deferred.Deferred<Uint8Array>;
}

/** Makes the swarm of one download; nobody has joined it. */
export const makeMeeting = Effect.fnUntraced(function* (
  request: DownloadRequest,
  { identity, discovery, acquaintances, totals, entrance, vantage }: MeetingOptions,
): Effect.fn.Return<Meeting, never, Hasher | Transport | SecureRandom> {
  const { known, names } = identity;
  const { dialUtp } = yield* Transport;
  const { dht, exchange } = discovery;
  const arrived = yield* Deferred.make<Uint8Array>();
  const metadata = makeMetadataExchange({
    isRight: identity.isRight,
    known: known?.bytes,
    arrived: (bytes) => void Deferred.doneUnsafe(arrived, Effect.succeed(bytes)),
    useful: (_bytes, now) => {
      totals.lastUseful = now;
    },
  });
  const swarm = yield* makeSwarm({
    names,
    peerId: yield* freshPeerId,
    metadata,
    totals,
    port: entrance.port,
    vantage,
    dht,
    exchange,
    acquaintances,
    encryption: yield* makeEncryption(request.encryption, names.known),
    holepunch: yield* makeHolepunch({ isUsed: () => dialUtp !== undefined && exchange.isUsed() }),
    superSeed: request.superSeed,
  });
  return { swarm, metadata: arrived };
});
