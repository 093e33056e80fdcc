/**
 * A program for portMapping.test.ts, run in a house of namespaces.ts: maps TCP port 6881 by NAT-PMP at 192.168.1.1, prints what was granted as a line of JSON,
 * and takes it back at SIGINT.
 */
import { Effect } from "effect";
import { NetAddress } from "effect/net";
import { once } from "node:events";
import * as Datagrams from "../../../src/services/Datagrams/node.ts";
import { findNatPmp } from "../../../src/services/PortMapping/natPmp.ts";

const program = Effect.gen(function* () {
  const router = yield* findNatPmp(NetAddress.inetAddressFromStringUnsafe("192.168.1.1:5351"));
  const { address, external, lifetime, ...mapping } = yield* router.map({
    protocol: "TCP",
    internal: 6881,
    external: 6881,
  });
  const granted = { external, lifetime, address: address === undefined ? undefined : NetAddress.formatIp(address) };
  process.stdout.write(`${JSON.stringify(granted)}\n`);
  yield* Effect.promise(() => once(process, "SIGINT"));
  yield* router.unmap({ ...mapping, external });
});

await Effect.runPromise(Effect.provide(program, Datagrams.layer({ port: 0 })));
