/**
 * Queries and their answers over the shared UDP port, for one address family: transactions of two bytes, matched with the address that was asked, and their
 * time limits (BEP 5). What is answered to others, and who is asked, is decided elsewhere.
 *
 * Life cycle: one receiver on the shared port, and one fiber for all time limits that sleeps as long as nothing is asked.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FiberSet from "effect/FiberSet";
import * as Latch from "effect/Latch";
import * as NetAddress from "effect/net/NetAddress";
import * as Random from "effect/Random";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import { type Answer, decodeKrpc, encodeKrpc, ERROR_CODE, type Krpc, type Query } from "../../schema/krpc.ts";
import type { NodeId } from "../../schema/nodeId.ts";
import type { DhtSettings } from "../../schema/settings.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { isNamed, mayBe, type Recipient, sendTo } from "../Datagrams/recipient.ts";
import { monotonicMillis } from "../time.ts";
import { isReachable } from "./place.ts";
import { makeThrottle } from "./throttle.ts";

/** Our four bytes of `v` (BEP 5): two letters of the client, two of its version. */
const VERSION = Uint8Array.of(0x42, 0x45, 0, 1);
/** Queries under way at once; beyond that asking fails at once. */
const MAX_WAITING = 2_000;
/** The first byte of every message: `d`. */
const DICTIONARY = 0x64;

/** What becomes of a query. */
export interface Handlers {
  readonly answered: (answer: Answer) => void;
  /** No answer yet: others may be asked in the meantime. */
  readonly slow?: () => void;
  /** An error, no answer in time, or the packet could not be sent. */
  readonly failed: () => void;
}

/** Asks other nodes. */
export interface Rpc {
  /** Asks; the returned function forgets the query, after which no handler is called. */
  readonly ask: (to: NetAddress.InetAddress, query: Query, handlers: Handlers) => () => void;
  /** Asks and waits; by a name only where that is not ours to resolve. */
  readonly query: (to: Recipient, query: Query) => Effect.Effect<Answer, "unanswered">;
  /** Answers, as far as the rate of answers allows. */
  readonly reply: (to: NetAddress.InetAddress, message: Exclude<Krpc, { readonly _tag: "Query" }>) => void;
  /** Queries sent. */
  readonly sent: () => number;
}

/** Who uses it, and what it is told. */
export interface RpcOptions {
  readonly family: NetAddress.IpFamily;
  readonly settings: DhtSettings;
  readonly id: () => NodeId;
  /** We answer nobody, and say so (BEP 43). */
  readonly readOnly: () => boolean;
  /** Somebody asks. */
  readonly asked: (message: Extract<Krpc, { readonly _tag: "Query" }>, from: NetAddress.InetAddress) => void;
  /** A node answered, whatever it was asked. */
  readonly answered: (from: NetAddress.InetAddress, id: NodeId, seenAs: NetAddress.InetAddress | undefined) => void;
  /** A node did not. */
  readonly silent: (to: NetAddress.InetAddress) => void;
}

interface Waiting {
  readonly to: Recipient;
  readonly handlers: Handlers;
  readonly since: number;
  slow: boolean;
}

/** Begins to listen, for as long as the scope lives. */
export const makeRpc = Effect.fnUntraced(function* (
  options: RpcOptions,
): Effect.fn.Return<Rpc, never, Datagrams | Scope.Scope> {
  const datagrams = yield* Datagrams;
  const clock = yield* Clock.Clock;
  const random = yield* Random.Random;
  const fibers = yield* FiberSet.make<void>();
  const run = yield* FiberSet.runtime(fibers)();
  const { settings } = options;
  const throttle = makeThrottle(settings);
  // in the order of asking, which is that of the time limits
  const waiting = new Map<number, Waiting>();
  const busy = Latch.makeUnsafe(false);
  let sent = 0;

  const now = (): number => monotonicMillis(clock);
  const take = (transaction: number): Waiting | undefined => {
    const slot = waiting.get(transaction);
    waiting.delete(transaction);
    if (waiting.size === 0) busy.closeUnsafe();
    return slot;
  };
  const freeTransaction = (): number => {
    let transaction = Math.floor(random.nextDoubleUnsafe() * 0x1_0000);
    while (waiting.has(transaction)) transaction = (transaction + 1) & 0xffff;
    return transaction;
  };

  const ask = (to: Recipient, query: Query, handlers: Handlers): (() => void) => {
    const transaction = freeTransaction();
    const fail = (): void => void (take(transaction) !== undefined && handlers.failed());
    waiting.set(transaction, { to, handlers, since: now(), slow: false });
    busy.openUnsafe();
    const packet = encodeKrpc(
      {
        _tag: "Query",
        transaction: Uint8Array.of(transaction >>> 8, transaction),
        id: options.id(),
        query,
        readOnly: options.readOnly(),
      },
      VERSION,
    );
    sent++;
    // told later, so that a handler never runs before this has returned
    const failLater = Effect.andThen(Effect.yieldNow, Effect.sync(fail));
    run(waiting.size > MAX_WAITING ? failLater : Effect.catch(sendTo(datagrams, to, packet), () => failLater));
    return () => void take(transaction);
  };

  const reply: Rpc["reply"] = (to, message) => {
    const packet = encodeKrpc(message, VERSION);
    if (throttle.sends(packet.length, now())) datagrams.sendUnsafe(to, packet);
  };

  /** The query that a packet of `from` answers. */
  const match = (bytes: Uint8Array, from: NetAddress.InetAddress): Waiting | undefined => {
    const transaction = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    const slot = waiting.get(transaction);
    if (bytes.length !== 2 || slot === undefined || !mayBe(slot.to, from)) return undefined;
    return take(transaction);
  };

  const receive = (bytes: Uint8Array, from: NetAddress.InetAddress): void => {
    const decoded = decodeKrpc(bytes);
    if (Result.isFailure(decoded)) {
      const { reason } = decoded.failure;
      if (reason._tag === "NotBencoded" || reason._tag === "NotKrpc" || options.readOnly()) return;
      const code = reason._tag === "BadQuery" ? ERROR_CODE.protocol : ERROR_CODE.unknownMethod;
      reply(from, { _tag: "Error", transaction: reason.transaction, code, text: decoded.failure.message });
      return;
    }
    const message = decoded.success;
    switch (message._tag) {
      case "Query":
        options.asked(message, from);
        return;
      case "Answer": {
        const slot = match(message.transaction, from);
        if (slot === undefined) return;
        options.answered(from, message.answer.id, message.seenAs);
        slot.handlers.answered(message.answer);
        return;
      }
      case "Error":
        match(message.transaction, from)?.handlers.failed();
    }
  };

  /** Tells of the queries whose time is over; gives when the next one's is. */
  const expire = (): number => {
    let next = Infinity;
    for (const [transaction, slot] of waiting) {
      const age = now() - slot.since;
      if (age >= settings.queryTimeout) {
        take(transaction);
        if (!isNamed(slot.to)) options.silent(slot.to);
        slot.handlers.failed();
        continue;
      }
      if (!slot.slow && age >= settings.slowAfter) {
        slot.slow = true;
        slot.handlers.slow?.();
      }
      next = Math.min(next, slot.since + (slot.slow ? settings.queryTimeout : settings.slowAfter));
    }
    return next;
  };
  const watch = Effect.gen(function* () {
    while (true) {
      yield* busy.await;
      const next = expire();
      // what is asked meanwhile is not slow before this wakes
      const wait = Math.min(next - now(), settings.slowAfter);
      if (next < Infinity) yield* Effect.sleep(Math.max(Math.ceil(wait), 1));
    }
  });

  yield* datagrams.receive((bytes, from) => {
    if (bytes[0] !== DICTIONARY || NetAddress.familyOf(from) !== options.family) return false;
    // nobody is at port 0, and the system refuses to send there
    if (isReachable(from) && throttle.admits(from, now())) receive(bytes, from);
    return true;
  });
  yield* Effect.forkScoped(watch);

  return {
    ask,
    query: (to, query) =>
      Effect.callback((resume) => {
        const forget = ask(to, query, {
          answered: (answer) => resume(Effect.succeed(answer)),
          failed: () => resume(Effect.fail("unanswered")),
        });
        return Effect.sync(forget);
      }),
    reply,
    sent: () => sent,
  };
});
