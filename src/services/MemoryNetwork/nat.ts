/**
 * A NAT box before a host of the in-memory network, for tests: nobody gets to the host unless it spoke with them before. It keeps the port of
 * datagrams towards everybody (endpoint-independent mapping) and lets in those whose address was spoken to (address-dependent filtering,
 * RFC 4787). Nothing that listens for streams is reached.
 *
 * State: whom the host spoke to and when; it lives as long as the layer.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Stream from "effect/Stream";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { Transport } from "../Transport/Transport.ts";

/** For how long an address that was spoken to may answer, in milliseconds (RFC 4787: two minutes at least). */
const MAPPING_LIFE = 120_000;

/** The host below, which has the box's public address, seen from inside: with the address `inside`, and hidden from outside. */
export const layer = (inside: string): Layer.Layer<Transport | Datagrams, never, Transport | Datagrams> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const clock = yield* Clock.Clock;
      const datagrams = yield* Datagrams;
      const transport = yield* Transport;
      const address = NetAddress.ipFromStringUnsafe(inside);
      const spokenTo = new Map<string, number>();
      const open = (to: NetAddress.InetAddress): void => {
        spokenTo.set(NetAddress.formatIp(to.address), clock.currentTimeMillisUnsafe());
      };
      const isOpen = (from: NetAddress.InetAddress): boolean => {
        const since = spokenTo.get(NetAddress.formatIp(from.address));
        return since !== undefined && clock.currentTimeMillisUnsafe() - since < MAPPING_LIFE;
      };
      return Context.make(Transport, {
        dial: transport.dial,
        listen: ({ port }) =>
          Effect.succeed({
            addresses: [NetAddress.inetAddressUnsafe(address, port === 0 ? (datagrams.addresses[0]?.port ?? 0) : port)],
            incoming: Stream.never,
          }),
      }).pipe(
        Context.add(Datagrams, {
          addresses: datagrams.addresses.map(({ port }) => NetAddress.inetAddressUnsafe(address, port)),
          send: (to, bytes) =>
            Effect.andThen(
              Effect.sync(() => open(to)),
              datagrams.send(to, bytes),
            ),
          sendUnsafe: (to, bytes) => {
            open(to);
            datagrams.sendUnsafe(to, bytes);
          },
          receive: (receiver) => datagrams.receive((bytes, from) => !isOpen(from) || receiver(bytes, from)),
        }),
      );
    }),
  );
