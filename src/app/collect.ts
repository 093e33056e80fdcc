/** Takes the bytes of a would-be .torrent in, and no more than a .torrent may have. */
import * as ByteSize from "effect/ByteSize";
import type * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import { MAX_LENGTH } from "../schema/bencode.ts";
import type { SourceReason } from "./SourceError.ts";

/** All bytes of the stream, at most `MAX_LENGTH`; more fail with `TooLarge`. */
export const collect = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
): Effect.Effect<Uint8Array, E | SourceReason, R> => {
  const open: Stream.Stream<Uint8Array, E | SourceReason, R> = bytes;
  return Stream.mkUint8Array(
    Stream.limitBytes(open, ByteSize.bytes(MAX_LENGTH), () => Stream.fail({ _tag: "TooLarge", limit: MAX_LENGTH })),
  );
};
