/**
 * Keeps ports mapped: finds a router by PCP, NAT-PMP or UPnP, in this order, renews at half of the lease, maps anew when the router was restarted, looks
 * for another one when it is gone, and deletes what it got at the end.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { SecureRandom } from "effect/crypto/SecureRandom";
import type { MappingError } from "../../schema/errors/MappingError.ts";
import { NONCE_LENGTH } from "../../schema/pcp.ts";
import { type Grant, hasRestarted, type Mapping } from "../../schema/portMapping.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { monotonicMillis } from "../time.ts";
import { findNatPmp } from "./natPmp.ts";
import { makePcp } from "./pcp.ts";
import type { Keep, Told } from "./PortMapping.ts";
import type { Router } from "./router.ts";
import type { Surroundings } from "./surroundings.ts";
import { findUpnp } from "./upnp.ts";

/** How often a router is asked how old its table is, in milliseconds: it may have lost that long before the lease ends. */
const WATCH = 300_000;
/** Between two looks for a router, in milliseconds, and how often one looks in vain where there never was one. */
const RETRY = 60_000;
const ATTEMPTS = 3;
/** The end does not wait longer for the router, in milliseconds. */
const FAREWELL = 1_000;

/** The mappings at one router, by transport protocol. */
interface Held {
  readonly router: Router;
  readonly grants: Map<Mapping["protocol"], Grant>;
}

const keyOf = ({ internal, protocol }: Mapping): string => `${protocol} ${internal}`;

const tell = ({ name }: Router, { address, external, internal, protocol }: Grant): Effect.Effect<void> =>
  Effect.logDebug(
    `${name}: ${protocol} port ${internal} is port ${external}${address === undefined ? "" : ` of ${NetAddress.formatIp(address)}`}`,
  );

/** Asks for one mapping: the port it had before, else the one that its fellow got. */
const request = ({ grants, router }: Held, mapping: Mapping): Effect.Effect<void, MappingError> =>
  Effect.gen(function* () {
    const fellow = [...grants.values()].find(({ internal }) => internal === mapping.internal);
    const { external } = grants.get(mapping.protocol) ?? fellow ?? mapping;
    const grant = yield* router.map({ ...mapping, external });
    grants.set(mapping.protocol, grant);
    yield* tell(router, grant);
  });

/** Asks for all mappings; that one is refused does not harm the others, but when all fail so does this. */
const requestAll = Effect.fnUntraced(function* (held: Held, mappings: ReadonlyArray<Mapping>) {
  const results = yield* Effect.forEach(mappings, (mapping) => Effect.result(request(held, mapping)));
  const errors = results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []));
  const [first] = errors;
  if (first !== undefined && errors.length === mappings.length) return yield* first;
  for (const error of errors) yield* Effect.logDebug(error.message);
});

/** Waits until the mappings are to be made again: half of the shortest lease is over, or the router has lost its table. */
const untilDue = Effect.fnUntraced(function* ({ grants, router }: Held) {
  const clock = yield* Clock.Clock;
  const made = [...grants.values()];
  let asked = monotonicMillis(clock);
  let epoch = Math.max(...made.map((grant) => grant.epoch ?? 0));
  const due = asked + (Math.min(...made.map(({ lifetime }) => lifetime)) * 1_000) / 2;
  while (true) {
    const left = due - monotonicMillis(clock);
    if (left <= 0) return;
    yield* Effect.sleep(Math.min(WATCH, left));
    if (router.epoch === undefined || left <= WATCH) continue;
    const now = yield* Effect.catchIf(
      router.epoch,
      ({ reason }) => reason._tag === "Refused",
      // It does not tell: then nothing shows before the next renewal.
      () => Effect.void,
    );
    if (now === undefined) continue;
    const at = monotonicMillis(clock);
    if (hasRestarted(epoch, now, (at - asked) / 1_000)) return;
    epoch = now;
    asked = at;
  }
});

/** Makes the function that keeps a TCP port, and the shared UDP port, mapped. */
export const makeKeeping = Effect.fnUntraced(function* (
  surroundings: Surroundings,
): Effect.fn.Return<Keep, never, Datagrams | SecureRandom> {
  const context = yield* Effect.context<Datagrams>();
  const datagrams = yield* Datagrams;
  const nonce = yield* (yield* SecureRandom).randomBytes(NONCE_LENGTH);
  /** How many want each mapping: downloads share the UDP port. */
  const users = new Map<string, number>();
  const use = (mapping: Mapping, change: number): void => {
    const left = (users.get(keyOf(mapping)) ?? 0) + change;
    if (left > 0) users.set(keyOf(mapping), left);
    else users.delete(keyOf(mapping));
  };

  /** Deletes what nobody else wants. */
  const release = ({ grants, router }: Held): Effect.Effect<void> =>
    Effect.suspend(() =>
      Effect.forEach(
        [...grants.values()].filter((grant) => users.get(keyOf(grant)) === 1),
        (grant) => router.unmap(grant).pipe(Effect.catch((error) => Effect.logDebug(error.message))),
        { concurrency: "unbounded", discard: true },
      ),
    ).pipe(Effect.timeoutOption(FAREWELL), Effect.asVoid);

  /** Has the mappings at the router that `find` gives, if it makes them; `granted` is called whenever it has. */
  const serve = (
    find: Effect.Effect<Router, MappingError, Datagrams>,
    mappings: ReadonlyArray<Mapping>,
    granted: (grant: Grant | undefined) => void,
  ) =>
    Effect.gen(function* () {
      const held: Held = { router: yield* find, grants: new Map() };
      const renew = Effect.andThen(
        requestAll(held, mappings),
        Effect.sync(() => granted(held.grants.get("TCP"))),
      );
      return yield* renew.pipe(
        Effect.andThen(Effect.forever(Effect.andThen(untilDue(held), renew))),
        Effect.ensuring(release(held)),
      );
    });

  /** The ways of finding a router, the best first. */
  const waysTo = Effect.gen(function* () {
    const place = Option.getOrUndefined(yield* surroundings.gateway);
    if (place === undefined) return surroundings.trusting ? [findUpnp(surroundings, Option.none())] : [];
    return [
      makePcp(place.router, { client: place.own, nonce }),
      findNatPmp(place.router),
      findUpnp(surroundings, Option.some(NetAddress.toCanonical(place.router.address))),
    ];
  });

  const keep = (mappings: ReadonlyArray<Mapping>, told: Told) =>
    Effect.gen(function* () {
      for (let left = ATTEMPTS; left > 0; left--) {
        for (const way of yield* waysTo) {
          let had = false;
          const granted: Told = (grant) => {
            had = true;
            told(grant);
          };
          yield* serve(way, mappings, granted).pipe(Effect.catch((error) => Effect.logDebug(error.message)));
          if (!had) continue;
          told(undefined);
          left = Infinity;
          break;
        }
        yield* Effect.sleep(RETRY);
      }
    });

  return (port, told) => {
    const udp = datagrams.addresses.find(NetAddress.isInetAddressV4)?.port;
    const mappings: ReadonlyArray<Mapping> = [
      { protocol: "TCP", internal: port, external: port },
      ...(udp === undefined ? [] : [{ protocol: "UDP", internal: udp, external: udp } as const]),
    ];
    return Effect.acquireUseRelease(
      Effect.sync(() => mappings.forEach((mapping) => use(mapping, 1))),
      () => keep(mappings, told),
      () => Effect.sync(() => mappings.forEach((mapping) => use(mapping, -1))),
    ).pipe(Effect.provideContext(context));
  };
});
