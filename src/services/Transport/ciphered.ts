/**
 * A connection behind a stream cipher, one for each direction. Deciphering happens inside the read callback, in the bytes that the socket lends;
 * what is sent is enciphered into bytes of our own, in the order in which it is written.
 *
 * Life cycle: that of the connection below.
 */
import * as Effect from "effect/Effect";
import type { Rc4 } from "../../schema/rc4.ts";
import type { Connection, Decode } from "./Transport.ts";

/** `connection` with all further bytes enciphered. */
export const ciphered = (
  connection: Connection,
  streams: { readonly incoming: Rc4; readonly outgoing: Rc4 },
): Connection => {
  const { incoming, outgoing } = streams;
  const encipher = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
    const own = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      outgoing.apply(chunk, own.subarray(at));
      at += chunk.length;
    }
    return own;
  };
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
    sendUnsafe: (bytes) => connection.sendUnsafe(encipher([bytes])),
    // Enciphered and written in one step, so that no other write comes between the two. The caller's buffers are free after that.
    send: (chunks) =>
      Effect.suspend(() => {
        connection.sendUnsafe(encipher(chunks));
        return connection.drained;
      }),
  };
};
