/** The `Multicast` of one host of the in-memory network, on which all hosts are neighbours. Built by `MemoryNetwork.host`. */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import type { Host, Wires } from "../MemoryNetwork/host.ts";
import { POISON } from "../MemoryNetwork/stream.ts";
import { type Multicast, type Way } from "./Multicast.ts";

/** The multicast of `host` over `wires`. */
export const makeMemoryMulticast = (wires: Wires, host: Host): Multicast["Service"] => ({
  join: (groups, hear) =>
    Effect.gen(function* () {
      const member = { groups: groups.map(NetAddress.formatInet), hear };
      yield* Effect.acquireRelease(
        Effect.sync(() => host.members.add(member)),
        () => Effect.sync(() => host.members.delete(member)),
      );
      return groups.flatMap((group): ReadonlyArray<Way> => {
        const name = NetAddress.formatInet(group);
        const own = host.addresses.find((address) => NetAddress.isFamily(address, NetAddress.familyOf(group)));
        if (own === undefined) return [];
        const from = NetAddress.inetAddressUnsafe(own, group.port);
        const send = (bytes: Uint8Array) =>
          Effect.sync(() => {
            for (const other of wires.all()) {
              const packet = bytes.slice();
              wires.paths(host, other).forth.carryLossy(packet.length, () => {
                for (const member of other.members) if (member.groups.includes(name)) member.hear(packet, from);
                packet.fill(POISON);
              });
            }
          });
        return [{ group, send }];
      });
    }),
});
