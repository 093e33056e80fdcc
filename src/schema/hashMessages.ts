/**
 * The messages about hashes (BEP 52) and their payloads, both ways. The frames around the payloads are wire.ts's, what a range is hashRange.ts's.
 */
import { type HashRange, isAnswered, MAX_HASHES, putRange, RANGE_LENGTH, readRange } from "./hashRange.ts";

/** What is said of hashes. What a request or a reject names may be no range that any file has. */
export type HashMessage =
  | { readonly _tag: "HashRequest"; readonly range: HashRange }
  /** The nodes of the range in order, then those that prove them, the lowest first; as many as the range asks for. */
  | { readonly _tag: "Hashes"; readonly range: HashRange; readonly hashes: Uint8Array }
  | { readonly _tag: "HashReject"; readonly range: HashRange };

/** Message ids. */
export const HASH_IDS = { HashRequest: 21, Hashes: 22, HashReject: 23 } as const;

/** What a decoder knows of one of the messages before its payload is there. */
export interface HashKind {
  readonly _tag: HashMessage["_tag"];
  /** For people. */
  readonly name: string;
  /** Bytes of the payload at the most; at the least it is a range. */
  readonly most: number;
}

/** The kinds by id. */
export const HASH_KINDS: Readonly<Record<number, HashKind>> = {
  [HASH_IDS.HashRequest]: { _tag: "HashRequest", name: "hash request", most: RANGE_LENGTH },
  [HASH_IDS.Hashes]: { _tag: "Hashes", name: "hashes", most: MAX_HASHES },
  [HASH_IDS.HashReject]: { _tag: "HashReject", name: "hash reject", most: RANGE_LENGTH },
};

/** The message of a payload of at least `RANGE_LENGTH` bytes, with views of it; none when it has not as many hashes as its range asks for. */
export const readHashMessage = ({ _tag }: HashKind, payload: Uint8Array): HashMessage | undefined => {
  const range = readRange(payload);
  if (_tag !== "Hashes") return { _tag, range };
  const hashes = payload.subarray(RANGE_LENGTH);
  return isAnswered(range, hashes.length) ? { _tag, range, hashes } : undefined;
};

/** Bytes of the payload of a message. */
export const hashPayloadLength = (message: HashMessage): number =>
  RANGE_LENGTH + (message._tag === "Hashes" ? message.hashes.length : 0);

/** Writes the payload of a message to `at`. */
export const putHashPayload = (to: Uint8Array, at: number, message: HashMessage): void => {
  putRange(to, at, message.range);
  if (message._tag === "Hashes") to.set(message.hashes, at + RANGE_LENGTH);
};
