/** A connection with bytes put back in front of what it still has to read: for handshakes that had to look ahead. Writing is untouched. */
import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import type * as Pull from "effect/Pull";
import { concat } from "../../schema/bytes.ts";
import type { TransportError } from "../../schema/errors/TransportError.ts";
import type { Connection, Decode } from "./Transport.ts";

const NOTHING = new Uint8Array(0);

/** `connection`, whose reader finds `bytes` first. They belong to it from now on. */
export const withPrefix = (connection: Connection, bytes: Uint8Array): Connection => {
  let prefix = bytes;
  return {
    ...connection,
    read: (length) =>
      Effect.suspend(() => {
        if (prefix.length >= length) {
          const taken = prefix.slice(0, length);
          prefix = prefix.subarray(length);
          return Effect.succeed(taken);
        }
        return Effect.map(connection.read(length - prefix.length), (rest) => {
          const taken = concat([prefix, rest]);
          prefix = NOTHING;
          return taken;
        });
      }),
    receive: Effect.fnUntraced(function* <A, E>(decode: Decode<A, E>) {
      if (prefix.length === 0) return yield* connection.receive(decode);
      let first: Array<A> = [];
      const error = decode(prefix, first);
      prefix = NOTHING;
      // after an error nothing more is decoded: the connection below is not even read
      const below = error === undefined ? yield* connection.receive(decode) : Effect.fail(error);
      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E | TransportError> = Effect.suspend(() => {
        if (!Arr.isArrayNonEmpty(first)) return below;
        const batch = first;
        first = [];
        return Effect.succeed(batch);
      });
      return pull;
    }),
  };
};
