/**
 * A connection behind a stream cipher, one for each direction. Deciphering happens inside the read callback, in the bytes that the socket lends;
 * what is sent is enciphered into bytes of our own, in the order in which it is written.
 *
 * Life cycle: that of the connection below.
 */
import * as Effect from "effect/Effect";
import { PreventSchedulerYield } from "effect/Scheduler";
import type { Rc4 } from "../../schema/rc4.ts";
import type { Connection, Decode } from "./Transport.ts";

/** `connection` with all further bytes enciphered. */
export const ciphered = (
  connection: Connection,
  streams: { readonly incoming: Rc4; readonly outgoing: Rc4 },
): Connection => {
  const { incoming, outgoing } = streams;
  let spare: Uint8Array | undefined;
  /** Bytes for `length` of what is enciphered: those of an earlier send, or new ones. */
  const room = (length: number): Uint8Array => {
    const reused = spare;
    if (reused === undefined || reused.length < length) return new Uint8Array(length);
    spare = undefined;
    return reused;
  };
  const send = (chunks: ReadonlyArray<Uint8Array>) =>
    Effect.suspend(() => {
      const buffer = room(chunks.reduce((length, chunk) => length + chunk.length, 0));
      let length = 0;
      for (const chunk of chunks) {
        buffer.set(chunk, length);
        length += chunk.length;
      }
      const bytes = buffer.subarray(0, length);
      outgoing.apply(bytes, bytes);
      // Interrupted, the bytes may still be on their way: then they are not used again.
      return Effect.tap(connection.send([bytes]), () =>
        Effect.sync(() => {
          spare = buffer;
        }),
      );
    });
  return {
    ...connection,
    read: (length) =>
      Effect.map(connection.read(length), (bytes) => {
        incoming.apply(bytes, bytes);
        return bytes;
      }),
    receive: <A, E>(decode: Decode<A, E>) =>
      connection.receive<A, E>((bytes, out) => {
        incoming.apply(bytes, bytes);
        return decode(bytes, out);
      }),
    sendUnsafe: (bytes) => {
      const own = new Uint8Array(bytes.length);
      outgoing.apply(bytes, own);
      return connection.sendUnsafe(own);
    },
    // The fiber must not be put aside between enciphering and writing: the other side deciphers in the order of the stream.
    send: (chunks) => Effect.provideService(send(chunks), PreventSchedulerYield, true),
  };
};
