/** All piece layers of a torrent (BEP 52), for a .torrent that is to have them: those that are known, and the others from peers. Nothing of its payload is fetched. */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Hex from "effect/encoding/Hex";
import type { Metainfo, TorrentInfo } from "../../schema/metainfo.ts";
import type { PieceHashes } from "../../schema/pieceHashes.ts";
import { Events } from "../../services/Events.ts";
import type { Hasher } from "../../services/Hasher.ts";
import type { ResumeStore } from "../../services/ResumeStore/ResumeStore.ts";
import { monotonicMillis } from "../../services/time.ts";
import { recallHashes } from "../layers.ts";
import type { SwarmState } from "../Swarm.ts";
import type { HashFetching } from "./fetching.ts";

/** How long a hybrid's layers are waited for at the most: its peers may all be of v1, and its pieces can be checked without. In milliseconds. */
const PATIENCE = 30_000;

/** Who is asked for layers, and what the session is given without anything of use, in milliseconds. */
export interface Asked {
  readonly swarm: Pick<SwarmState, "hashes" | "members">;
  readonly timeout: number | undefined;
}

/** Ends the conversations that we began by v1's hash alone, in which no hash can be asked for: dialled again, a peer may go on with v2. */
const meetAgain = ({ members }: Pick<SwarmState, "members">): void => {
  for (const member of [...members])
    if (!member.v2 && member.direction === "outgoing") member.part({ _tag: "OtherHash" });
};

/** The layers that are wholly known, by root in hex. Files of one piece have none. */
const layersOf = ({ files, pieceLength }: TorrentInfo, hashes: PieceHashes): Metainfo["pieceLayers"] =>
  new Map(
    files.flatMap(({ length, piecesRoot }, index) => {
      const layer = piecesRoot === undefined || length <= pieceLength ? undefined : hashes.layerOf(index);
      return piecesRoot === undefined || layer === undefined ? [] : [[Hex.encode(piecesRoot), layer] as const];
    }),
  );

/** The layers, where all of them are known without asking anybody. */
export const knownLayers = Effect.fnUntraced(function* (
  info: TorrentInfo,
  given: Metainfo["pieceLayers"] | undefined,
): Effect.fn.Return<Metainfo["pieceLayers"] | undefined, never, ResumeStore | Hasher> {
  const { hashes } = yield* recallHashes(info, given);
  return hashes.missing() === 0 ? layersOf(info, hashes) : undefined;
});

/** The layers, once peers have sent what is missing; of a hybrid what there is after a while. */
export const wholeLayers = Effect.fnUntraced(function* (
  info: TorrentInfo,
  given: Metainfo["pieceLayers"] | undefined,
  { swarm, timeout = Infinity }: Asked,
): Effect.fn.Return<Metainfo["pieceLayers"], never, ResumeStore | Hasher | Events> {
  const { hashes, save } = yield* recallHashes(info, given);
  if (hashes.missing() > 0) {
    const whole = yield* Deferred.make<void>();
    const learnLayer: Parameters<HashFetching["begin"]>[0]["learnLayer"] = (file, part) => {
      const learnt = hashes.learnLayer(file, part) !== undefined;
      if (hashes.missing() === 0) Deferred.doneUnsafe(whole, Effect.void);
      return learnt;
    };
    swarm.hashes.fetching.begin({ info, files: hashes.incomplete(), learnLayer }, monotonicMillis(yield* Clock.Clock));
    if (info.version === "hybrid") meetAgain(swarm);
    const all = Deferred.await(whole);
    yield* info.version === "hybrid" ? Effect.timeoutOption(all, Math.min(PATIENCE, timeout / 2)) : all;
    // Where they cannot be kept they are fetched again.
    yield* Effect.ignore(save);
  }
  const missing = hashes.incomplete().length;
  if (missing > 0)
    yield* Events.use((events) =>
      events.publish({
        type: "warning",
        code: "layers.missing",
        message: `no peer has sent the v2 hashes of ${missing} file${missing === 1 ? "" : "s"}: the torrent is saved without them`,
      }),
    );
  return layersOf(info, hashes);
});
