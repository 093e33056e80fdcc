/** The order of trackers (BEP 12): tiers are tried in order, trackers within a tier in an order shuffled once. No state. */
import * as Effect from "effect/Effect";
import * as Random from "effect/Random";

/** Trackers of one torrent that are ever asked; a torrent that names more is padding or an attack. */
export const MAX_TRACKERS = 200;

/** Drops URLs named before, empty tiers, and what is beyond `MAX_TRACKERS`, then shuffles each tier. */
export const shuffled = (
  tiers: ReadonlyArray<ReadonlyArray<string>>,
): Effect.Effect<ReadonlyArray<ReadonlyArray<string>>> => {
  const seen = new Set<string>();
  const unique = tiers.map((tier) =>
    tier.filter((url) => {
      if (seen.has(url) || seen.size >= MAX_TRACKERS) return false;
      seen.add(url);
      return true;
    }),
  );
  return Effect.forEach(
    unique.filter((tier) => tier.length > 0),
    (tier) => Random.shuffle(tier),
  );
};

/** Moves the tracker that answered to the front of its tier. */
export const promote = <A>(tiers: ReadonlyArray<ReadonlyArray<A>>, good: A): ReadonlyArray<ReadonlyArray<A>> =>
  tiers.map((tier) => (tier.includes(good) ? [good, ...tier.filter((other) => other !== good)] : tier));

/** All but one tracker, in the same order. */
export const without = <A>(tiers: ReadonlyArray<ReadonlyArray<A>>, one: A): ReadonlyArray<ReadonlyArray<A>> =>
  tiers.map((tier) => tier.filter((other) => other !== one));
