/** How many peers to serve at once. */

/** The rate that the first slot has to bring, and what each further one has to bring more, in bytes per second; libtorrent's rule. */
const FIRST_RATE = 1024;
const STEP_RATE = 2048;

/** As many as take what they are given well, and one more to find out whether there are others. */
export const slotsFor = (
  uploadRates: ReadonlyArray<number>,
  bounds: { readonly least: number; readonly most: number },
): number => {
  const rates = uploadRates.toSorted((a, b) => b - a);
  const poor = rates.findIndex((rate, n) => rate <= FIRST_RATE + STEP_RATE * n);
  const good = poor < 0 ? rates.length : poor;
  return Math.min(Math.max(good + 1, bounds.least), bounds.most);
};
