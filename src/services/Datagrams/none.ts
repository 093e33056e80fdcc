/** No UDP at all: behind a proxy that carries none, nothing may go round it. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import { DatagramError, Datagrams } from "./Datagrams.ts";

/** Nothing can be sent, nothing comes. */
export const layer: Layer.Layer<Datagrams> = Layer.succeed(
  Datagrams,
  Datagrams.of({
    addresses: [],
    send: (to) =>
      Effect.fail(
        new DatagramError({
          address: NetAddress.formatInet(to),
          reason: { _tag: "NoSocket", family: NetAddress.familyOf(to) },
        }),
      ),
    sendUnsafe: () => {},
    receive: () => Effect.void,
  }),
);
