import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { Dns, NetAddress } from "effect/net";
import { layer } from "../../../src/services/Dns/node.ts";

describe("Dns, node", () => {
  it.live("looks up names of this machine", () =>
    Effect.gen(function* () {
      const addresses = yield* Dns.Dns.use((dns) => dns.lookup("localhost", { family: "IPv4" }));
      assert.deepStrictEqual(addresses.map(NetAddress.formatIp), ["127.0.0.1"]);
    }).pipe(Effect.provide(layer)),
  );
  it.live("fails with a typed error for a name that cannot be", () =>
    Effect.gen(function* () {
      // RFC 6761: nothing below `invalid` ever resolves
      const error = yield* Effect.flip(Dns.Dns.use((dns) => dns.lookup("no-such-host.invalid")));
      assert.strictEqual(error.hostname.replace(/\.$/, ""), "no-such-host.invalid");
      assert.include(["NotFound", "Temporary"], error.reason);
    }).pipe(Effect.provide(layer)),
  );
});
