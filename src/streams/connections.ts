/**
 * From candidates to links: dialling and accepting, and the limits on how many. Who is at the other end is found out in handshaking.ts, what is said after
 * that is the conversation's business.
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
import type { Candidate, Candidates, Outcome } from "./candidates.ts";
import { makeDialPace } from "./dialPace.ts";
import { type Manner, shake } from "./handshaking.ts";
import { isHungUp, type Link } from "./link.ts";
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

      /** Opens a connection in a scope of its own and shakes hands; nothing when that fails. The place is freed with the scope. */
      const link = Effect.fnUntraced(function* (
        remote: NetAddress.InetAddress,
        open: Effect.Effect<Connection, TransportError, Scope.Scope>,
        candidate?: Candidate,
      ) {
        const address = NetAddress.formatInet(remote);
        const own = yield* Scope.fork(scope);
        yield* Scope.addFinalizer(own, places.free);
        return yield* Effect.gen(function* () {
          let begun: ReadonlyArray<Connection["kind"]> = [];
          const begin = Effect.fnUntraced(function* (manner?: Manner) {
            const tried = yield* Scope.fork(own);
            const shaken = Effect.flatMap(Scope.provide(open, tried), (opened) => {
              begun = [...begun, opened.kind];
              return Effect.timeoutOrElse(shake(opened, manner), {
                duration: settings.handshakeTimeout,
                orElse: () => Effect.fail<PeerReason>({ _tag: "HandshakeTimedOut" }),
              });
            });
            return yield* Effect.onError(shaken, () => Scope.close(tried, Exit.void));
          });
          const inTurn = (to: Candidate) =>
            names.inTurn(remote, (name) => encryption.inTurn(to, (way) => begin({ name, way })));
          /** The first dial after a hang-up tries uTP first. Where neither another name nor another way of encryption is the reason to dial again, that is one. */
          const mayBeByUtp = (failure: PeerReason | TransportError): boolean =>
            isHungUp(failure) && transport.dialUtp !== undefined && begun.length === 1 && begun[0] !== "utp";
          const { connection, theirs, v2 } = yield* candidate === undefined
            ? begin()
            : Effect.catchIf(inTurn(candidate), mayBeByUtp, () => inTurn(candidate));
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
            link(
              candidate.address,
              Effect.andThen(
                turn,
                transport.dial(candidate.address, { timeout: settings.connectTimeout, from: options.bind }),
              ),
              candidate,
            ),
          { concurrency: settings.maxDialling, unordered: true },
        ),
      );

      const welcome = Effect.fnUntraced(function* (incoming: Incoming) {
        const isWelcome = !bans.isBanned(incoming.remote) && (yield* places.takeForComing(incoming.remote));
        if (isWelcome) return yield* link(incoming.remote, incoming.accept);
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
        const opened = Effect.andThen(turn, dialUtp(address, { timeout: PUNCH_TIMEOUT, from: options.bind }));
        return yield* link(address, opened, { address, source: "pex" });
      });
      const punched = Stream.mapEffect(swarm.holepunch.dials, punch, { concurrency: MAX_PUNCHING, unordered: true });

      return Stream.mergeAll([dialled, accepted, punched], { concurrency: "unbounded" }).pipe(
        Stream.filterMap((link) => Result.fromOption(link, () => undefined)),
      );
    }),
  );
