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

/**
 * Listens; a port that is taken is a warning and another one is used, no port at all is a warning too. Only an address that is none of this machine's
 * ends the download `name`: nobody can be dialled from it either.
 */
export const listen = Effect.fnUntraced(function* (port: number, bind: NetAddress.IpAddress | undefined, name: string) {
  const transport = yield* Transport;
  const events = yield* Events;
  const warn = (message: string) => events.publish({ type: "warning", code: "port.unavailable", message });
  const any = transport.listen({ port: 0, address: bind });
  const wished =
    port === 0
      ? any
      : Effect.catch(transport.listen({ port, address: bind }), (error) =>
          // An address that is not ours has no other port either.
          error.reason._tag === "AddressNotAvailable"
            ? Effect.fail(error)
            : Effect.andThen(warn(`${error.message}; listening on another one`), any),
        );
  return yield* wished.pipe(
    Effect.map((listener): Listener | undefined => listener),
    Effect.catch((error) =>
      bind !== undefined && error.reason._tag === "AddressNotAvailable"
        ? Effect.fail(new DownloadFailed({ name, reason: { _tag: "BadBind", address: NetAddress.formatIp(bind) } }))
        : Effect.as(warn(`no port can be listened on (${error.message}); peers cannot reach us`), undefined),
    ),
  );
});
