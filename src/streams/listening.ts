/** How peers reach us and by what name: the listening port and our peer id, for one download. */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Random from "effect/Random";
import { DownloadFailed } from "../schema/errors/DownloadError.ts";
import { makePeerId, PEER_ID_RANDOM_LENGTH } from "../schema/peerId.ts";
import { VERSION } from "../schema/version.ts";
import { Events } from "../services/Events.ts";
import { type Listener, Transport } from "../services/Transport/Transport.ts";

/** A peer id of ours, fresh for each session (BEP 20). */
export const freshPeerId: Effect.Effect<Uint8Array> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 255), PEER_ID_RANDOM_LENGTH),
  (random) => makePeerId(VERSION, Uint8Array.from(random)),
);

/** What came of it. */
export interface Listening {
  /** Absent where nobody can reach us. */
  readonly listener: Listener | undefined;
  /** Because a proxy passes no connection on. */
  readonly behindProxy: boolean;
}

/**
 * Listens; a port that is taken is a warning and another one is used, no port at all is a warning too, and so is all that a proxy does not carry. Only an
 * address that is none of this machine's ends the download `name`: nobody can be dialled from it either.
 */
export const listen = Effect.fnUntraced(function* (port: number, bind: NetAddress.IpAddress | undefined, name: string) {
  const transport = yield* Transport;
  const events = yield* Events;
  const warn = (message: string, code = "port.unavailable") => events.publish({ type: "warning", code, message });
  const any = transport.listen({ port: 0, address: bind });
  const wished =
    port === 0
      ? any
      : Effect.catch(transport.listen({ port, address: bind }), (error) =>
          // An address that is not ours has no other port either, and behind a proxy there is none.
          error.reason._tag === "AddressNotAvailable" || error.reason._tag === "BehindProxy"
            ? Effect.fail(error)
            : Effect.andThen(warn(`${error.message}; listening on another one`), any),
        );
  return yield* wished.pipe(
    Effect.map((listener): Listening => ({ listener, behindProxy: false })),
    Effect.catch(
      Effect.fnUntraced(function* ({ reason, why }) {
        if (bind !== undefined && reason._tag === "AddressNotAvailable")
          return yield* new DownloadFailed({ name, reason: { _tag: "BadBind", address: NetAddress.formatIp(bind) } });
        const behindProxy = reason._tag === "BehindProxy";
        const cause = behindProxy
          ? "a proxy passes no connection on to us; leave --proxy away to be reached as well"
          : `no port can be opened (${why}); another one may be named with --port`;
        yield* warn(`peers cannot reach us, only be dialled: ${cause}`);
        if (behindProxy && reason.noUdp !== undefined)
          yield* warn(
            `UDP trackers, the DHT and uTP are off: ${reason.noUdp}; a proxy that relays UDP is needed for them`,
            "proxy.no-udp",
          );
        return { listener: undefined, behindProxy };
      }),
    ),
  );
});
