/**
 * Whose requests for hashes are answered, and when (BEP 52): at once where they are known, in turn and no faster than `READ_RATE` where a piece has to be read
 * for them, so that nobody can keep the disk and the processor busy with small messages. All others are rejected. Being choked does not matter.
 *
 * State: the requests that wait, a few for each peer; in this closure. Life cycle: one per download; `run` works as long as the session.
 */
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type { PeerReason } from "../../schema/errors/PeerError.ts";
import type { HashRange } from "../../schema/hashRange.ts";
import { pieceLength } from "../../schema/geometry.ts";
import type { EncodableMessage } from "../../schema/message.ts";
import type { Torrent } from "../torrent.ts";
import { type Answer, type HashSource, makeHashSource } from "./source.ts";
import type { Sha256 } from "../../schema/merkle.ts";

/** Bytes a second that are read and hashed for all peers together. */
const READ_RATE = 32 * 1024 * 1024;
/** Requests for hashes of blocks that wait, of one peer and of all. */
const MAX_WAITING = 4;
const MAX_WAITING_OF_ALL = 64;
/** Answers that a peer may have in one go, and each second from then on. */
const BURST = 256;
const PER_SECOND = 32;
/** Rejects beyond this, with no answer in between, are no honest peer's. */
const MAX_REJECTED = 2_000;

/** A peer that may ask for hashes. */
export interface HashAsker {
  readonly say: (message: EncodableMessage) => void;
}

/** The serving of hashes in one download. Times are milliseconds of the monotonic clock. */
export interface HashServing {
  /** Answers now, later or with a reject; a returned reason ends the conversation. */
  readonly requested: (asker: HashAsker, range: HashRange, now: number) => PeerReason | undefined;
  readonly left: (asker: HashAsker) => void;
  /** Hashes what has to be hashed; never ends. */
  readonly run: Effect.Effect<never>;
}

interface Waiting {
  readonly asker: HashAsker;
  readonly range: HashRange;
  readonly answer: Extract<Answer, { readonly _tag: "OnDisk" }>;
}

interface Account {
  /** Answers that it may still have. */
  tokens: number;
  at: number;
  rejected: number;
}

/** Serving of what `torrent` has, once there is one. */
export const makeHashServing = (torrent: () => Torrent | undefined, sha256: Sha256): HashServing => {
  const accounts = new Map<HashAsker, Account>();
  const work = Latch.makeUnsafe(false);
  let waiting: Array<Waiting> = [];
  let source: { readonly of: Torrent; readonly hashes: HashSource } | undefined;

  const sourceNow = (): HashSource | undefined => {
    const now = torrent();
    if (now === undefined || now.info.version === "v1") return undefined;
    if (source?.of !== now) source = { of: now, hashes: makeHashSource(now, sha256) };
    return source.hashes;
  };

  const accountOf = (asker: HashAsker, now: number): Account => {
    const account = accounts.get(asker) ?? { tokens: BURST, at: now, rejected: 0 };
    accounts.set(asker, account);
    account.tokens = Math.min(BURST, account.tokens + ((now - account.at) / 1000) * PER_SECOND);
    account.at = now;
    return account;
  };

  const hasRoom = (asker: HashAsker): boolean =>
    waiting.length < MAX_WAITING_OF_ALL && waiting.filter((other) => other.asker === asker).length < MAX_WAITING;

  const answerNext = Effect.fnUntraced(function* (
    { answer, asker, range }: Waiting,
    hashes: HashSource,
    length: number,
  ) {
    // What is no longer on disk is found by those who serve it; here it is only not to be had.
    const leaves = yield* Effect.orElseSucceed(hashes.leavesOf(answer.piece), () => undefined);
    const complete = leaves && answer.complete(leaves);
    if (accounts.has(asker))
      asker.say(complete === undefined ? { _tag: "HashReject", range } : { _tag: "Hashes", range, hashes: complete });
    yield* Effect.sleep((length / READ_RATE) * 1000);
  });

  return {
    requested: (asker, range, now) => {
      const account = accountOf(asker, now);
      const answer = account.tokens < 1 ? undefined : sourceNow()?.find(range);
      if (answer === undefined || (answer._tag === "OnDisk" && !hasRoom(asker))) {
        asker.say({ _tag: "HashReject", range });
        return ++account.rejected > MAX_REJECTED ? { _tag: "Flood", message: "hash request" } : undefined;
      }
      account.tokens--;
      account.rejected = 0;
      if (answer._tag === "Known") asker.say({ _tag: "Hashes", range, hashes: answer.hashes });
      else {
        waiting.push({ asker, range, answer });
        Latch.openUnsafe(work);
      }
      return undefined;
    },
    left: (asker) => {
      accounts.delete(asker);
      waiting = waiting.filter((other) => other.asker !== asker);
    },
    run: Effect.forever(
      Effect.suspend(() => {
        const next = waiting.shift();
        const now = torrent();
        const hashes = sourceNow();
        if (next !== undefined && now !== undefined && hashes !== undefined)
          return answerNext(next, hashes, pieceLength(now.info, next.answer.piece));
        Latch.closeUnsafe(work);
        return work.await;
      }),
    ),
  };
};
