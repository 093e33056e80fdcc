/**
 * From candidates to links: dialling and accepting, and the limits on how many. In which ways somebody is dialled is decided in attempts.ts, who is at the other
 * end is found out in handshaking.ts, what is said after that is the conversation's business.
 *
 * Life cycle: a link's connection lives in a scope of its own, closed by `Link.close` or with the session: conversations end before their connections do.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { PeerError, type PeerReason } from "../schema/errors/PeerError.ts";
import type { TransportError } from "../schema/errors/TransportError.ts";
import { PeerSettings } from "../schema/settings.ts";
import { Bans } from "../services/Bans.ts";
import { Events } from "../services/Events.ts";
import { type Connection, type Incoming, type Listener, Transport } from "../services/Transport/Transport.ts";
import { type Attempts, inTurn } from "./attempts.ts";
import type { Candidate, Candidates, Outcome } from "./candidates.ts";
import { makeDialPace } from "./dialPace.ts";
import type { Failure } from "./encryption.ts";
import { type Manner, type Shaken, shake } from "./handshaking.ts";
import type { Link } from "./link.ts";
import { makePlaces } from "./places.ts";
import { monotonicMillis } from "../services/time.ts";
import { Swarm } from "./Swarm.ts";

/** Incoming handshakes under way at once. */
const MAX_ACCEPTING = 20;

/** Dials through a hole under way at once, and for how long one is tried in milliseconds: both sides begin at the same time (BEP 55). */
const MAX_PUNCHING = 8;
const PUNCH_TIMEOUT = 8_000;

/** Where links come from. */
export interface ConnectionOptions {
  readonly candidates: Candidates;
  readonly listener: Listener | undefined;
  readonly bind: NetAddress.IpAddress | undefined;
  readonly maxPeers: number;
  /** Of the session: connections that nobody closed are closed with it. */
  readonly scope: Scope.Scope;
}

/** What a failed attempt says of the address. */
const outcomeOf = (reason: PeerReason): Outcome => {
  switch (reason._tag) {
    case "Connection":
    case "HandshakeTimedOut":
      return "failed";
    case "Duplicate":
      return "duplicate";
    default:
      return "rejected";
  }
};

/** Dials, accepts and shakes hands. Failures are published and remembered, never raised. */
export const connections = (
  options: ConnectionOptions,
): Stream.Stream<Link, never, Transport | Swarm | Bans | Events> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { candidates, listener, scope } = options;
      const transport = yield* Transport;
      const events = yield* Events;
      const bans = yield* Bans;
      const swarm = yield* Swarm;
      const { encryption, names } = swarm;
      const settings = yield* PeerSettings;
      const places = yield* makePlaces(options.maxPeers, swarm);
      const turn = yield* makeDialPace(settings.dialsPerSecond);

      /** Opens a connection and shakes hands; it is closed when that fails, else with `own`. */
      const begin = Effect.fnUntraced(function* (
        own: Scope.Scope,
        open: Effect.Effect<Connection, TransportError, Scope.Scope>,
        manner?: Manner,
      ) {
        const tried = yield* Scope.fork(own);
        const shaken = Effect.flatMap(Scope.provide(open, tried), (opened) =>
          Effect.timeoutOrElse(shake(opened, manner), {
            duration: settings.handshakeTimeout,
            orElse: () => Effect.fail<PeerReason>({ _tag: "HandshakeTimedOut" }),
          }),
        );
        return yield* Effect.onError(shaken, () => Scope.close(tried, Exit.void));
      });
      const reach = (own: Scope.Scope, candidate: Candidate, by: Attempts["transport"], timeout: number) =>
        inTurn({ candidate, transport: by, encryption, names }, (dial, manner) =>
          begin(own, Effect.andThen(turn, dial(candidate.address, { timeout, from: options.bind })), manner),
        );

      /** A link in a scope of its own; nothing where `meet` fails. The place is freed with the scope. */
      const link = Effect.fnUntraced(function* (
        remote: NetAddress.InetAddress,
        meet: (own: Scope.Scope) => Effect.Effect<Shaken, Failure, Swarm>,
        candidate?: Candidate,
      ) {
        const address = NetAddress.formatInet(remote);
        const own = yield* Scope.fork(scope);
        yield* Scope.addFinalizer(own, places.free);
        return yield* Effect.gen(function* () {
          const { connection, theirs, v2 } = yield* meet(own);
          if (!candidates.connected(remote)) return yield* Effect.fail<PeerReason>({ _tag: "Uninvited" });
          return Option.some<Link>({
            connection,
            address,
            peerId: theirs.peerId,
            v2,
            rejects: v2 || theirs.fast,
            fast: theirs.fast,
            extended: theirs.extension,
            dht: theirs.dht,
            close: Scope.close(own, Exit.void),
          });
        }).pipe(
          Effect.mapError(
            (error) =>
              new PeerError({
                address,
                reason: error._tag === "TransportError" ? { _tag: "Connection", error } : error,
              }),
          ),
          Effect.catch((error) =>
            Effect.gen(function* () {
              if (error.reason._tag === "Self") candidates.ours(remote);
              candidates.disconnected(remote, outcomeOf(error.reason));
              if (candidate !== undefined && error.reason._tag === "Connection")
                swarm.holepunch.unreachable(candidate, monotonicMillis(yield* Clock.Clock));
              yield* events.publish({
                type: "peer",
                address,
                state: "failed",
                code: error.code,
                message: error.message,
              });
              yield* Scope.close(own, Exit.void);
              return Option.none<Link>();
            }),
          ),
          Effect.onInterrupt(() => Scope.close(own, Exit.void)),
        );
      });

      const dialled = Stream.fromEffectRepeat(Effect.tap(candidates.next, ({ address }) => places.take(address))).pipe(
        Stream.mapEffect(
          (candidate) =>
            link(candidate.address, (own) => reach(own, candidate, transport, settings.connectTimeout), candidate),
          { concurrency: settings.maxDialling, unordered: true },
        ),
      );

      const welcome = Effect.fnUntraced(function* (incoming: Incoming) {
        const isWelcome = !bans.isBanned(incoming.remote) && (yield* places.takeForComing(incoming.remote));
        if (isWelcome) return yield* link(incoming.remote, (own) => begin(own, incoming.accept));
        yield* incoming.refuse;
        return Option.none<Link>();
      });
      const accepted =
        listener === undefined
          ? Stream.empty
          : Stream.mapEffect(listener.incoming, welcome, { concurrency: MAX_ACCEPTING, unordered: true });

      const { dialUtp } = transport;
      const punch = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
        if (dialUtp === undefined || bans.isBanned(address)) return Option.none<Link>();
        if (!(yield* places.takeFree)) return Option.none<Link>();
        const candidate: Candidate = { address, source: "pex" };
        return yield* link(address, (own) => reach(own, candidate, { dial: dialUtp }, PUNCH_TIMEOUT), candidate);
      });
      const punched = Stream.mapEffect(swarm.holepunch.dials, punch, { concurrency: MAX_PUNCHING, unordered: true });

      return Stream.mergeAll([dialled, accepted, punched], { concurrency: "unbounded" }).pipe(
        Stream.filterMap((link) => Result.fromOption(link, () => undefined)),
      );
    }),
  );
