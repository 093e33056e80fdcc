/**
 * A scripted peer that speaks raw messages over the in-memory network by the project's codecs. By default it is an honest seed: says that it has everything,
 * unchokes whoever is interested, and answers requests. Hooks make it anything else.
 */
import { Context, Effect, Latch, Layer, Option, Result, type Scope, Stream } from "effect";
import { NetAddress } from "effect/net";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { decodeHandshake, encodeHandshake, type Handshake, HANDSHAKE_LENGTH } from "../../src/schema/handshake.ts";
import type { InfoHash } from "../../src/schema/infoHash.ts";
import type { BlockSpan } from "../../src/schema/block.ts";
import { encode, pieceHeader } from "../../src/schema/wire.ts";
import { makeDecoder } from "../../src/schema/wireDecoder.ts";
import type { EncodableMessage, Message } from "../../src/schema/message.ts";
import {
  decodeUtMetadata,
  encodeUtMetadata,
  METADATA_PIECE_LENGTH,
  type UtMetadataMessage,
} from "../../src/schema/utMetadata.ts";
import type { MemoryNetwork } from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { type Connection, Transport } from "../../src/services/Transport/Transport.ts";
import type { Fixture } from "./swarm.ts";
import { concat } from "./wire.ts";

/** One connection of a fake peer, after the handshake. */
export interface FakeTalk {
  readonly remote: NetAddress.InetAddress;
  readonly theirs: Handshake;
  /** All that was heard, in order. */
  readonly heard: Array<Message>;
  readonly say: (...messages: ReadonlyArray<EncodableMessage>) => void;
  readonly write: (bytes: Uint8Array) => void;
  /** Sends a block: the right one unless `bytes` says otherwise. */
  readonly sendBlock: (block: BlockSpan, bytes?: Uint8Array) => void;
  readonly hangUp: () => void;
  /** The other side ended it. */
  ended: boolean;
}

/** How a fake peer differs from an honest seed. */
export interface FakeOptions {
  readonly network: MemoryNetwork;
  readonly address: string;
  readonly fixture: Fixture;
  /** 6881 by default. */
  readonly port?: number;
  /** Offers the fast extension; it does by default. */
  readonly fast?: boolean;
  /** Offers the extension protocol; by default only where it offers metadata. */
  readonly extension?: boolean;
  /** Says that it has a DHT node; it does not by default. */
  readonly dht?: boolean;
  readonly infoHash?: InfoHash;
  /** Hangs up on those who come for another hash than its own. */
  readonly strict?: boolean;
  readonly peerId?: Uint8Array;
  /** What it says first, instead of having everything. */
  readonly greet?: (talk: FakeTalk) => void;
  /** Sees every message; `true` means that it has dealt with it. */
  readonly hear?: (message: Message, talk: FakeTalk) => boolean | void;
  /** Offers the metadata (BEP 9), of the right size unless `size` says otherwise; `answer` gives what is sent for a piece, undefined for nothing. */
  readonly metadata?: {
    readonly size?: number;
    readonly answer?: (piece: number, right: UtMetadataMessage) => UtMetadataMessage | undefined;
  };
  /** Answers the handshake not at all. */
  readonly mute?: boolean;
  /** Sends the other side's own handshake back. */
  readonly mirror?: boolean;
  /** Reads nothing after the handshakes. */
  readonly deaf?: boolean;
  /** Sends these bytes instead of a handshake. */
  readonly handshake?: Uint8Array;
}

/** A fake peer on the network. */
export interface FakePeer {
  readonly address: string;
  readonly talks: ReadonlyArray<FakeTalk>;
  /** Connections that were opened to it. */
  readonly accepted: () => number;
  /** Opens a connection to `host:port` and talks until the test ends. */
  readonly dial: (to: string) => Effect.Effect<void>;
}

let serial = 0;
const freshId = (): Uint8Array => new TextEncoder().encode(`-FK0001-${String(serial++).padStart(12, "0")}`);

const allOf = (fixture: Fixture): EncodableMessage => {
  const { pieceCount } = fixture.metainfo.info;
  const bits = new Uint8Array(Math.ceil(pieceCount / 8)).fill(0xff);
  if (pieceCount % 8 > 0) bits[bits.length - 1] = 0xff << (8 - (pieceCount % 8));
  return { _tag: "Bitfield", bits };
};

/** By this id others are to send us `ut_metadata`. */
const METADATA_ID = 3;

/** Speaks the metadata extension as `options.metadata` says. */
const makeMetadataTalk = ({ fixture, metadata }: FakeOptions) => {
  const { bytes } = fixture.metainfo.info;
  const size = metadata?.size ?? bytes.length;
  let theirs = 0;
  const rightFor = (piece: number): UtMetadataMessage => {
    const data = bytes.slice(piece * METADATA_PIECE_LENGTH, (piece + 1) * METADATA_PIECE_LENGTH);
    return { _tag: "Data", piece, totalSize: size, data };
  };
  return {
    offer: (talk: FakeTalk): void => {
      if (metadata === undefined) return;
      const messages = new Map([["ut_metadata", METADATA_ID]]);
      talk.say({ _tag: "Extended", id: 0, payload: encodeExtensionHandshake({ messages, metadataSize: size }) });
    },
    hear: (message: Message, talk: FakeTalk): void => {
      if (message._tag !== "Extended" || metadata === undefined) return;
      if (message.id === 0) {
        const handshake = Result.getOrThrow(decodeExtensionHandshake(message.payload));
        theirs = handshake.messages.get("ut_metadata") ?? 0;
        return;
      }
      const decoded = Option.getOrUndefined(Result.getOrThrow(decodeUtMetadata(message.payload)));
      if (decoded?._tag !== "Request") return;
      const right = rightFor(decoded.piece);
      const answer = metadata.answer === undefined ? right : metadata.answer(decoded.piece, right);
      if (answer !== undefined) talk.say({ _tag: "Extended", id: theirs, payload: encodeUtMetadata(answer) });
    },
  };
};

/** Plugs a fake peer into the network, listening. */
export const makeFakePeer = (options: FakeOptions) =>
  Effect.gen(function* () {
    const { fixture, port = 6881 } = options;
    const { info } = fixture.metainfo;
    const transport = Context.get(yield* Layer.build(options.network.host(options.address)), Transport);
    const talks: Array<FakeTalk> = [];
    let accepted = 0;
    const ours = encodeHandshake({
      infoHash: options.infoHash ?? info.infoHash,
      peerId: options.peerId ?? freshId(),
      extension: options.extension ?? options.metadata !== undefined,
      fast: options.fast ?? true,
      dht: options.dht ?? false,
      v2Upgrade: false,
    });

    const answer = (message: Message, talk: FakeTalk): void => {
      if (options.hear?.(message, talk) === true) return;
      if (message._tag === "Interested") talk.say({ _tag: "Unchoke" });
      if (message._tag === "Request") talk.sendBlock(message);
    };

    const converse = Effect.fnUntraced(function* (connection: Connection, closing: Latch.Latch) {
      if (options.mute === true) return yield* Effect.never;
      const greets = options.mirror !== true && options.strict !== true;
      if (greets) connection.sendUnsafe(options.handshake ?? ours);
      const shaken = yield* connection.read(HANDSHAKE_LENGTH);
      if (options.mirror === true) connection.sendUnsafe(shaken);
      const theirs = Result.getOrThrow(decodeHandshake(shaken));
      if (options.strict === true) {
        if (theirs.infoHash.hex !== (options.infoHash ?? info.infoHash).hex) return;
        connection.sendUnsafe(ours);
      }
      const write = (bytes: Uint8Array): void => void connection.sendUnsafe(bytes);
      const talk: FakeTalk = {
        remote: connection.remote,
        theirs,
        heard: [],
        ended: false,
        write,
        say: (...messages) => write(concat(messages.map(encode))),
        sendBlock: (block, bytes) => {
          const at = block.index * info.pieceLength + block.begin;
          const payload = bytes ?? fixture.bytes.slice(at, at + block.length);
          write(concat([pieceHeader(block.index, block.begin, payload.length), payload]));
        },
        hangUp: () => Latch.openUnsafe(closing),
      };
      talks.push(talk);
      const metadata = makeMetadataTalk(options);
      if (options.greet === undefined) talk.say(allOf(fixture));
      else options.greet(talk);
      metadata.offer(talk);
      if (options.deaf === true) return yield* Effect.never;
      const pull = yield* connection.receive<Message, unknown>(
        makeDecoder({
          blocks: { begin: (_index, _begin, length) => new Uint8Array(length), end: () => true },
          maxBitfield: 1 << 20,
          maxExtended: 1 << 20,
        }),
      );
      const listen = Effect.forever(
        Effect.map(pull, (messages) => {
          for (const message of messages) {
            talk.heard.push(message);
            metadata.hear(message, talk);
            answer(message, talk);
          }
        }),
      );
      return yield* Effect.onExit(listen, () =>
        Effect.sync(() => {
          talk.ended = true;
        }),
      );
    });

    /** A connection in a scope of its own, so that it can be hung up. */
    const own = (open: Effect.Effect<Connection, unknown, Scope.Scope>): Effect.Effect<void> =>
      Effect.scoped(
        Effect.gen(function* () {
          const closing = yield* Latch.make(false);
          const connection = yield* open;
          yield* Effect.raceFirst(converse(connection, closing), Latch.await(closing));
        }),
      ).pipe(Effect.ignore);

    const listener = yield* transport.listen({ port });
    yield* Effect.forkScoped(
      Stream.runForEach(listener.incoming, (incoming) => {
        accepted++;
        return Effect.forkScoped(own(incoming.accept));
      }),
    );
    const fake: FakePeer = {
      address: `${options.address}:${port}`,
      talks,
      accepted: () => accepted,
      dial: (to) => own(transport.dial(NetAddress.inetAddressFromStringUnsafe(to), { timeout: "10 seconds" })),
    };
    return fake;
  });
