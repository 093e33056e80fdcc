/** Packets by their sequence number, in a window that moves: an array indexed by the low bits, which grows with the window. No clock, no network. */

/** What is kept under the numbers of one window; the caller keeps within it. */
export interface Ring<A> {
  readonly get: (seq: number) => A | undefined;
  /** Keeps something `distance` numbers after the first that is in use. */
  readonly set: (seq: number, value: A, distance: number) => void;
  readonly delete: (seq: number) => void;
}

const FIRST_SIZE = 32;

/** An empty ring. */
export const makeRing = <A extends { readonly seq: number }>(): Ring<A> => {
  let slots: Array<A | undefined> = Array.from({ length: FIRST_SIZE }, () => undefined);
  const grow = (size: number): void => {
    const old = slots;
    slots = Array.from({ length: size }, () => undefined);
    for (const value of old) if (value !== undefined) slots[value.seq & (size - 1)] = value;
  };
  return {
    get: (seq) => {
      const value = slots[seq & (slots.length - 1)];
      return value?.seq === seq ? value : undefined;
    },
    set: (seq, value, distance) => {
      let size = slots.length;
      while (size <= distance) size *= 2;
      if (size !== slots.length) grow(size);
      slots[seq & (size - 1)] = value;
    },
    delete: (seq) => {
      slots[seq & (slots.length - 1)] = undefined;
    },
  };
};
