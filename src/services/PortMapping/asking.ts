/** Questions to a router over UDP: sent again and again until there is an answer, as PCP and NAT-PMP want it. */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import type * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import { MappingError, type MappingReason } from "../../schema/errors/MappingError.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";

/** Milliseconds after which a question is put again: doubling from 250 (RFC 6886 §3.1), but given up after 4 s, for most routers never answer. */
const WAITS: ReadonlyArray<number> = [250, 500, 1_000, 2_000];

/** One question. */
export interface Question<A> {
  readonly protocol: MappingError["protocol"];
  readonly router: NetAddress.InetAddress;
  readonly packet: Uint8Array;
  /** Reads a packet of the router; undefined when it is not the answer. */
  readonly read: (bytes: Uint8Array) => A | undefined;
}

/** Asks until there is an answer; silence is an error. */
export const ask = <A>({ packet, protocol, read, router }: Question<A>): Effect.Effect<A, MappingError, Datagrams> =>
  Effect.gen(function* () {
    const datagrams = yield* Datagrams;
    const fail = (reason: MappingReason) => new MappingError({ protocol, reason });
    const answered = yield* Deferred.make<A>();
    yield* datagrams.receive((bytes, from) => {
      if (!Equal.equals(from, router)) return false;
      const answer = read(bytes);
      if (answer === undefined) return false;
      Deferred.doneUnsafe(answered, Effect.succeed(answer));
      return true;
    });
    for (const wait of WAITS) {
      yield* datagrams.send(router, packet).pipe(Effect.mapError((cause) => fail({ _tag: "Unreachable", cause })));
      const answer = yield* Effect.timeoutOption(Deferred.await(answered), wait);
      if (Option.isSome(answer)) return answer.value;
    }
    return yield* fail({ _tag: "Silent" });
  }).pipe(Effect.scoped);
