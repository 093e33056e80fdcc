/**
 * Whom of the connected peers we serve: carries out what the choker decides, each round and whenever a peer becomes interested.
 *
 * State: what each member had given and taken when the last round began, in this closure, by serial; members that left are dropped at the next round.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Random from "effect/Random";
import { PeerSettings } from "../schema/settings.ts";
import { Choker, type PeerStanding } from "../services/Choker/Choker.ts";
import { slotsFor } from "../services/Choker/slots.ts";
import { monotonicMillis } from "../services/time.ts";
import type { Member } from "./member.ts";
import { Swarm } from "./Swarm.ts";

/** Between two ticks, in milliseconds. */
const TICK = 500;

/** What is known of a member from one round to the next. */
interface Account {
  /** Totals when this round began. */
  delivered: number;
  uploaded: number;
  /** Of the last round, in bytes per second. */
  downloadRate: number;
  uploadRate: number;
  /** Bytes it had been sent when it was last unchoked. */
  uploadedBefore: number;
  optimistic: boolean;
}

/** The accounts of all members. */
const makeAccounts = () => {
  let accounts = new Map<number, Account>();
  let beganAt = 0;
  const open = (member: Member): Account => {
    const account: Account = {
      delivered: member.delivered(),
      uploaded: member.uploaded(),
      downloadRate: 0,
      uploadRate: 0,
      uploadedBefore: 0,
      optimistic: false,
    };
    accounts.set(member.serial, account);
    return account;
  };
  const of = (member: Member): Account => accounts.get(member.serial) ?? open(member);
  return {
    of,
    /** Ends the round: its rates are those that count from now on. */
    close: (members: ReadonlySet<Member>, now: number): void => {
      const seconds = Math.max((now - beganAt) / 1000, 0.001);
      beganAt = now;
      const kept = new Map<number, Account>();
      for (const member of members) {
        const account = of(member);
        const { delivered, uploaded } = account;
        account.delivered = member.delivered();
        account.uploaded = member.uploaded();
        account.downloadRate = (account.delivered - delivered) / seconds;
        account.uploadRate = (account.uploaded - uploaded) / seconds;
        kept.set(member.serial, account);
      }
      accounts = kept;
    },
  };
};

const standingOf = (member: Member, account: Account): PeerStanding => ({
  id: member.serial,
  interested: member.wants(),
  seed: member.isSeed(),
  choked: member.choked(),
  connectedAt: member.connectedAt,
  since: member.chokedSince(),
  optimistic: account.optimistic,
  snubbed: member.snubbed(),
  downloadRate: account.downloadRate,
  uploadRate: account.uploadRate,
  sent: member.uploaded() - account.uploadedBefore,
});

/** Keeps the slots filled for as long as it runs. */
export const chokeRounds: Effect.Effect<never, never, Swarm | Choker> = Effect.gen(function* () {
  const swarm = yield* Swarm;
  const choker = yield* Choker;
  const clock = yield* Clock.Clock;
  const random = yield* Random.Random;
  const { uploadSlots, maxUploadSlots, chokeInterval, optimisticInterval } = yield* PeerSettings;
  const accounts = makeAccounts();

  const decide = (rotate: boolean): void => {
    const now = monotonicMillis(clock);
    const members = [...swarm.members];
    const standings = members.map((member) => standingOf(member, accounts.of(member)));
    const torrent = swarm.torrent();
    const unchoked = choker.decide(standings, {
      now,
      slots: slotsFor(
        standings.map(({ uploadRate }) => uploadRate),
        { least: uploadSlots, most: maxUploadSlots },
      ),
      interval: chokeInterval,
      optimisticInterval,
      rotate,
      seeding: torrent?.table.missing() === 0,
      pieceLength: torrent?.info.pieceLength ?? 0,
      random: () => random.nextDoubleUnsafe(),
    });
    for (const member of members) {
      const slot = unchoked.get(member.serial);
      const account = accounts.of(member);
      account.optimistic = slot === "optimistic";
      if (slot !== undefined && member.choked()) account.uploadedBefore = member.uploaded();
      member.setChoked(slot === undefined, now);
    }
  };

  swarm.onInterested(() => decide(false));
  return yield* Effect.forever(
    Effect.andThen(
      Effect.sleep(chokeInterval),
      Effect.sync(() => {
        accounts.close(swarm.members, monotonicMillis(clock));
        decide(true);
      }),
    ),
  );
});

/** The members' timers, twice a second for as long as it runs. */
export const ticks: Effect.Effect<never, never, Swarm> = Effect.gen(function* () {
  const swarm = yield* Swarm;
  const clock = yield* Clock.Clock;
  return yield* Effect.forever(
    Effect.andThen(
      Effect.sleep(TICK),
      Effect.sync(() => {
        const now = monotonicMillis(clock);
        swarm.metadata.tick(now);
        swarm.hashes.fetching.tick(now);
        for (const member of [...swarm.members]) member.tick(now);
      }),
    ),
  );
});
