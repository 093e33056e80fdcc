/**
 * The conversation with one peer after the handshakes, as a stream of the runs that its blocks filled. The glue between a connection and
 * the rooms of a dialogue; the timers of the protocol are here.
 *
 * Life cycle: begins with a `Link`, which it closes; a breach of the protocol or a lost connection fails the stream with a `PeerError`.
 */
import type * as Arr from "effect/Array";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type * as Pull from "effect/Pull";
import type * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { byteLength } from "../schema/bitfield.ts";
import { PeerError, type PeerReason, type WireViolation } from "../schema/errors/PeerError.ts";
import { pieceOffset } from "../schema/geometry.ts";
import { MAX_PIECES } from "../schema/metainfo/fields.ts";
import { PeerSettings } from "../schema/settings.ts";
import { encode } from "../schema/wire.ts";
import { makeDecoder } from "../schema/wireDecoder.ts";
import type { Message } from "../schema/message.ts";
import { Bandwidth } from "../services/Bandwidth.ts";
import { Bans } from "../services/Bans.ts";
import { Hasher } from "../services/Hasher.ts";
import { Idleness } from "../services/Idleness/Idleness.ts";
import type { Filled } from "./assembler/assembler.ts";
import { makeDialogue } from "./dialogue.ts";
import { makeExtensions } from "./extensions.ts";
import type { Link } from "./link.ts";
import { makePex } from "./pex.ts";
import { type Ending, hearing } from "./hearing.ts";
import { makeLiveness } from "./liveness.ts";
import { contacts, makeMember } from "./member.ts";
import { Swarm } from "./Swarm.ts";
import { makeNotices } from "./notices.ts";
import { paced } from "./pacing.ts";
import { monotonicMillis } from "../services/time.ts";
import { makeUploads } from "./uploads.ts";
import { makeVoice } from "./voice.ts";

/** Payload of an extended message at the most: a piece of metadata and its dictionary, or a full PEX message. */
const MAX_EXTENDED = 128 * 1024;

const begin = Effect.fnUntraced(function* (
  link: Link,
): Effect.fn.Return<
  Pull.Pull<Arr.NonEmptyReadonlyArray<Filled>, PeerError>,
  never,
  Swarm | Bans | Bandwidth | Hasher | Scope.Scope
> {
  const swarm = yield* Swarm;
  const bans = yield* Bans;
  const hasher = yield* Hasher;
  const { download, upload } = yield* Bandwidth;
  const settings = yield* PeerSettings;
  const clock = yield* Clock.Clock;
  const leaving = yield* Deferred.make<void>();
  const { connection } = link;
  const connectedAt = monotonicMillis(clock);
  const liveness = makeLiveness(settings, connectedAt);
  let uploaded = 0;

  const fail = (reason: PeerReason): PeerError => new PeerError({ address: link.address, reason });
  const ending: Ending = { parted: undefined, left: false };
  const part = (reason: PeerReason): void => {
    ending.parted ??= fail(reason);
    Deferred.doneUnsafe(leaving, Effect.void);
  };
  const { relieved, send } = makeVoice({ connection, part, said: () => liveness.said(monotonicMillis(clock)) });
  const convict = (why: string): void => {
    bans.ban(connection.remote, why);
    part({ _tag: "Banned", why });
  };
  const say = (id: number, payload: Uint8Array): void => send(encode({ _tag: "Extended", id, payload }));
  const uploads = makeUploads({
    connection: paced(connection, upload),
    buffers: swarm.readBuffers,
    limit: settings.maxUploadRequests,
    most: () => (upload.limited() ? 0 : Number.POSITIVE_INFINITY),
    now: () => monotonicMillis(clock),
    storage: () => swarm.torrent()?.storage,
    offsetOf: ({ index, begin }) => {
      const info = swarm.torrent()?.info;
      return info === undefined ? begin : pieceOffset(info, index) + begin;
    },
    sent: (bytes) => {
      relieved();
      uploaded += bytes;
      swarm.totals.uploaded += bytes;
    },
    read: swarm.recentReads.note,
    missing: (block, error) => {
      swarm.lost(block.index);
      dialogue.refuse(block);
      if (swarm.torrent()?.table.haveCount() === 0) Deferred.doneUnsafe(swarm.broken, Effect.fail(error));
    },
  });
  const pex = makePex({
    connection,
    connectedAt,
    exchange: swarm.exchange,
    isSeed: () => dialogue.isSeed(),
    connected: () => contacts(swarm.members),
  });
  const wantsNothing = (): boolean => swarm.torrent()?.table.missing() === 0;
  const notices = makeNotices({
    uploadOnly: () => wantsNothing() && swarm.superSeeding()?.isPosing() !== true,
    peerLost: (index) => dialogue.peerLost(index),
    say,
  });
  const { holepunch } = swarm;
  const extensions = makeExtensions({
    peerId: link.peerId,
    metadata: swarm.metadata,
    pex,
    exchange: swarm.exchange,
    vantage: swarm.vantage,
    remote: connection.remote,
    notices,
    holepunch: holepunch.isUsed() ? holepunch.join({ connection, contact: pex.contact, say }) : undefined,
    encryption: swarm.encryption.towards(connection),
    port: swarm.port(),
    maxRequests: settings.maxUploadRequests,
    send,
    convict,
  });
  const dialogue = makeDialogue({
    link,
    swarm,
    settings,
    extensions,
    notices,
    uploads,
    hasher,
    send,
    convict,
    parted: () => ending.parted !== undefined,
    interested: swarm.interested,
    idleness: yield* Idleness,
    quota: () => (download.limited() ? 0 : Number.POSITIVE_INFINITY),
  });
  const member = makeMember({
    serial: swarm.nextSerial(),
    link,
    connectedAt,
    settings,
    dialogue,
    extensions,
    liveness,
    contact: pex.contact,
    bothShare: () => wantsNothing() && (dialogue.isSeed() || notices.uploadOnly()),
    uploaded: () => uploaded,
    keepAlive: () => send(encode({ _tag: "KeepAlive" })),
    part,
    now: () => monotonicMillis(clock),
  });
  const decode = makeDecoder({
    blocks: {
      begin: (index, begin, length) => dialogue.requests()?.begin(index, begin, length),
      end: (index, begin) => dialogue.requests()?.end(index, begin) ?? false,
    },
    maxBitfield: byteLength(swarm.torrent()?.table.pieceCount ?? MAX_PIECES),
    maxExtended: MAX_EXTENDED,
  });

  send(dialogue.greeting());
  swarm.join(member);
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      swarm.leave(member);
      extensions.close(monotonicMillis(clock));
      dialogue.close(monotonicMillis(clock));
      swarm.wake(monotonicMillis(clock));
    }),
  );
  // Before that, so that nothing is read any more into buffers that are not the peer's.
  yield* Effect.addFinalizer(() => {
    ending.left = true;
    return link.close;
  });
  yield* uploads.serve.pipe(
    Effect.catchTag("StorageError", (error) => Deferred.fail(swarm.broken, error)),
    Effect.catchTag("TransportError", (error) => Effect.sync(() => part({ _tag: "Connection", error }))),
    Effect.catchDefect((defect) => Deferred.die(swarm.broken, defect)),
    Effect.forkScoped,
  );
  // Parting closes the connection, which ends the pull below: nothing has to be watched per message.
  yield* Effect.forkScoped(Effect.andThen(Deferred.await(leaving), link.close));
  const pull = yield* connection.receive<Message, WireViolation>(decode);
  return hearing({ pull, dialogue, liveness, ending, fail, now: () => monotonicMillis(clock) });
});

/** Talks to a peer until either side ends it. */
export const converse = (link: Link): Stream.Stream<Filled, PeerError, Swarm | Bans | Bandwidth | Hasher> =>
  Stream.scoped(Stream.fromPull(begin(link))).pipe(Stream.ensuring(link.close));
