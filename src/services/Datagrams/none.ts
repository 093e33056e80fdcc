/** No UDP at all: behind a proxy that relays none, nothing may go round it. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import { DatagramError, Datagrams } from "./Datagrams.ts";
import { formatHostPort } from "../../schema/hostPort.ts";

/** Nothing can be sent, nothing comes; `why` is for people. */
export const layer = (why: string): Layer.Layer<Datagrams> =>
  Layer.succeed(
    Datagrams,
    Datagrams.of({
      addresses: [],
      send: (to) =>
        Effect.fail(new DatagramError({ address: NetAddress.formatInet(to), reason: { _tag: "NoRelay", why } })),
      sendNamed: (to) =>
        Effect.fail(new DatagramError({ address: formatHostPort(to), reason: { _tag: "NoRelay", why } })),
      sendUnsafe: () => {},
      receive: () => Effect.void,
    }),
  );
