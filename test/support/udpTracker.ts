/** A UDP tracker on a network in memory. */
import { Context, Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { decodeRequest, encodeAnswer } from "../../src/schema/trackerUdp.ts";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import type { MemoryNetwork } from "../../src/services/MemoryNetwork/MemoryNetwork.ts";

/** Answers announces at `address`, port 6969, with that one peer; gives the events that it is told. */
export const makeUdpTracker = Effect.fnUntraced(function* (
  network: MemoryNetwork,
  { address, peer }: { readonly address: string; readonly peer: string },
) {
  const datagrams = Context.get(yield* Layer.build(network.host(address, { udpPort: 6969 })), Datagrams);
  const events: Array<string> = [];
  yield* datagrams.receive((bytes, from) => {
    const request = decodeRequest(bytes);
    if (request === undefined) return false;
    const { transactionId } = request;
    if (request._tag === "Announce") events.push(request.request.event);
    const response = { peers: [NetAddress.inetAddressFromStringUnsafe(peer)], interval: 900 };
    datagrams.sendUnsafe(
      from,
      encodeAnswer(
        request._tag === "Connect"
          ? { _tag: "Connected", transactionId, connectionId: 5n }
          : { _tag: "Announced", transactionId, response },
        NetAddress.familyOf(from),
      ),
    );
    return true;
  });
  return events;
});
