/** The surroundings that this machine has: the gateway of Linux's default route, and devices that are asked over HTTP. */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import { ROUTER_PORT } from "../../schema/portMapping.ts";
import { defaultGateway } from "../../schema/routes.ts";
import { SSDP_GROUP } from "../../schema/ssdp.ts";
import { MAX_DOCUMENT } from "../../schema/upnp.ts";
import * as Agents from "../http/agents.ts";
import * as Http from "../http/client.ts";
import { whole } from "../http/whole.ts";
import * as Fs from "../promisedFs.ts";
import type { DeviceAnswer, DeviceRequest, Surroundings } from "./surroundings.ts";

/** A device that has not answered by then is not asked any longer, in milliseconds. */
const PATIENCE = 5_000;

/** Our address on the way to another; nothing is sent for that. */
const ownTowards = (to: NetAddress.InetAddress): Effect.Effect<NetAddress.IpAddress, unknown> =>
  Effect.callback((resume) => {
    const socket = process.getBuiltinModule("node:dgram").createSocket("udp4");
    socket.once("error", (cause) => {
      socket.close();
      resume(Effect.fail(cause));
    });
    socket.connect(to.port, NetAddress.formatHost(to), () => {
      const { address } = socket.address();
      socket.close();
      resume(Effect.fromResult(NetAddress.ipFromString(address)));
    });
  });

/** The gateway of the default route. */
const gateway: Surroundings["gateway"] = Effect.gen(function* () {
  if (process.platform !== "linux") return Option.none();
  const ip = defaultGateway(yield* Effect.tryPromise(() => Fs.readFile("/proc/net/route", "latin1")));
  if (ip === undefined) return Option.none();
  const router = NetAddress.inetAddressUnsafe(ip, ROUTER_PORT);
  return Option.some({ router, own: yield* ownTowards(router) });
}).pipe(
  // Nowhere to ask, then; it is not worth a warning.
  Effect.tapError((cause) => Effect.logDebug("no default gateway", cause)),
  Effect.catch(() => Effect.succeedNone),
);

/** One request over HTTP, on a connection of its own; no redirect is followed. */
export const exchange = ({ call, url }: DeviceRequest): Effect.Effect<DeviceAnswer, unknown> =>
  Effect.gen(function* () {
    const headers = call && { "content-type": 'text/xml; charset="utf-8"', soapaction: call.action };
    const request = { agents: Agents.direct, body: call?.body, ...(headers && { headers }) };
    const { body, localAddress } = yield* Http.exchange(Http.wayTo(url.href), request, whole(MAX_DOCUMENT));
    const own = yield* Effect.fromResult(NetAddress.ipFromString(localAddress));
    return { text: new TextDecoder().decode(body), own: NetAddress.toCanonical(own) };
  }).pipe(Effect.timeout(PATIENCE));

/** Where the machine is. */
export const machine: Surroundings = { gateway, trusting: process.platform !== "linux", group: SSDP_GROUP, exchange };
