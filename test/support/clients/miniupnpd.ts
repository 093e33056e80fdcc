/** miniupnpd as Debian has it: the router that most homes have, on a NAT box of namespaces.ts. */
import { Effect, type Scope } from "effect";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "./folder.ts";
import type { Namespace } from "./namespaces.ts";
import { start } from "./processes.ts";

/** What it is asked by. */
export type MappingProtocol = "PCP" | "UPnP";

/** The router under way. */
export interface Miniupnpd {
  /** `6881 to 192.168.1.2:6881` for each mapping, TCP and UDP alike. */
  readonly mappings: Effect.Effect<ReadonlyArray<string>>;
}

const CHAINS = `
  table inet mapping {
    chain forward { }
    chain prerouting { type nat hook prerouting priority -100; jump mapped; }
    chain mapped { }
    chain postrouting { }
  }`;

/** Starts it on a box; it speaks one of the protocols (NAT-PMP with PCP). */
export const miniupnpd = (box: Namespace, protocol: MappingProtocol): Effect.Effect<Miniupnpd, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    yield* box.run(`nft '${CHAINS}'`);
    const config = join(folder, "miniupnpd.conf");
    const isUpnp = protocol === "UPnP";
    writeFileSync(
      config,
      `ext_ifname=wan
listening_ip=lan
enable_upnp=${isUpnp ? "yes" : "no"}
enable_natpmp=${isUpnp ? "no" : "yes"}
port=0
secure_mode=yes
uuid=a6099701-f3d8-4202-958b-b06dd125a589
upnp_table_name=mapping
upnp_nat_table_name=mapping
upnp_forward_chain=forward
upnp_nat_chain=mapped
upnp_nat_postrouting_chain=postrouting
allow 1024-65535 192.168.1.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`,
    );
    const [file, ...words] = box.enter;
    const running = yield* start(file, [...words, "miniupnpd", "-d", "-f", config, "-P", join(folder, "pid")]);
    yield* running.prints(isUpnp ? /HTTP listening on port/ : /Listening for NAT-PMP\/PCP traffic/);
    const mappings = Effect.map(box.run("nft list chain inet mapping mapped"), (chain) =>
      [...chain.matchAll(/dport (\d+) dnat ip to (\S+)/g)].map(([, port, to]) => `${port} to ${to}`),
    );
    return { mappings };
  });
