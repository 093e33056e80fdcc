/** The real DHT: loaded at its first use, joined through the well-known routers unless others are named. */
import { randomBytes } from "node:crypto";
import { networkInterfaces } from "node:os";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { Dht } from "./Dht.ts";
import { makeLazy } from "./lazy.ts";
import type { DhtServices } from "./network.ts";
import type { HostPort } from "../../schema/hostPort.ts";

/** Where everybody begins who knows nobody: the routers that clients of today run. */
const ROUTERS: ReadonlyArray<HostPort> = [
  { host: "dht.libtorrent.org", port: 25_401 },
  { host: "dht.transmissionbt.com", port: 6_881 },
  { host: "router.bittorrent.com", port: 6_881 },
  { host: "router.utorrent.com", port: 6_881 },
  { host: "dht.aelitis.com", port: 6_881 },
];

/** The machine's addresses. */
const ownAddresses = (): ReadonlyArray<NetAddress.IpAddress> =>
  Object.values(networkInterfaces()).flatMap((infos = []) =>
    infos.flatMap(({ address }) =>
      Option.toArray(Result.getSuccess(NetAddress.ipFromString(address.replace(/%.*$/, "")))),
    ),
  );

/** The DHT over the shared port; `routers` replace the well-known ones. */
export const layer = (
  options: { readonly routers?: ReadonlyArray<HostPort> | undefined } = {},
): Layer.Layer<Dht, never, DhtServices> =>
  Layer.effect(
    Dht,
    makeLazy(
      Effect.flatMap(
        Effect.promise(() => import("./network.ts")),
        ({ makeNetwork }) =>
          makeNetwork({ routers: options.routers ?? ROUTERS, own: ownAddresses(), secret: randomBytes }),
      ),
    ),
  );
