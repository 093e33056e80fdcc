/** What the tests of hashes share: torrents of v2 and hybrids, who shares them, links to them, and peers that answer for hashes as they like. */
import { Effect, Fiber, Result } from "effect";
import { Hex } from "effect/encoding";
import { TestClock } from "effect/testing";
import type { TorrentSource } from "../../../src/streams/request.ts";
import type { HashRange } from "../../../src/schema/hashRange.ts";
import type { InfoHash } from "../../../src/schema/infoHash.ts";
import { hashesOf, makeNodes, treeHeight } from "../../../src/schema/merkleProof.ts";
import type { EncodableMessage, Message } from "../../../src/schema/message.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { digests } from "../../support/digests.ts";
import type { FakeTalk } from "../../support/fakePeer.ts";
import { type ClientOptions, type Fixture, makeClient, requestOf, watch } from "../../support/swarm.ts";
import { layerOf, makeTreeFixture, type TreeFixture } from "../../support/trees.ts";
import { assertTree, makeTreeSeed } from "../../support/treeSwarm.ts";

/** Bytes of a piece. */
export const PIECE = 32_768;
/** Names and lengths: longer than a piece and shorter, of whole pieces, and empty. */
export const FILES = [
  ["a", 9 * PIECE + 20_000],
  ["b", 0],
  ["c", 5],
  ["d", 2 * PIECE],
  ["e", 40_000],
] as const;
/** Bytes of all files. */
export const size = FILES.reduce((sum, [, length]) => sum + length, 0);
/** Where clients are in the network. */
export const [SEED, CLIENT, OTHER] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
/** Peers on the port that seeds listen on. */
export const at = (...hosts: ReadonlyArray<string>) => hosts.map((host) => ({ host, port: 6881 }));

/** A seed that is not announced, and listens by now. */
export const makeQuietSeed = (fixture: TreeFixture, options: ClientOptions) =>
  Effect.tap(makeTreeSeed(fixture, options, { noTrackers: true }), TestClock.adjust("1 second"));

/** A link with the hashes of the given versions. */
export const magnetOf = ({ metainfo }: Fixture, ...versions: ReadonlyArray<"v1" | "v2">): TorrentSource => {
  const { infoHash, infoHashV1, infoHashV2 } = metainfo.info;
  const v1 = versions.includes("v1") && infoHashV1 !== undefined ? { infoHash, infoHashV1 } : {};
  const truncated = Result.getOrThrow(Hex.decode(infoHashV2?.slice(0, 40) ?? ""));
  const v2 =
    versions.includes("v2") && infoHashV2 !== undefined
      ? { infoHash: { hex: infoHashV2.slice(0, 40), bytes: truncated }, infoHashV2 }
      : {};
  return {
    _tag: "Magnet",
    magnet: { infoHash, ...v2, ...v1, trackers: [], webSeeds: [], peers: [], nodes: [] },
  };
};

/** What all fixtures here have in common. */
export const options = { pieceLength: PIECE };
/** The hash by which v2 is called on the wire. */
export const truncatedOf = ({ metainfo }: Fixture): InfoHash => {
  const hex = metainfo.info.infoHashV2?.slice(0, 40) ?? "";
  return { hex, bytes: Result.getOrThrow(Hex.decode(hex)) };
};

/** The right answer to a request for hashes. */
export const rightAnswer = ({ content, metainfo }: TreeFixture, range: HashRange): EncodableMessage => {
  const { files } = metainfo.info;
  const file = files.find(
    ({ piecesRoot }) => piecesRoot !== undefined && Hex.encode(piecesRoot) === Hex.encode(range.root),
  );
  const bytes = content.get(file?.path[0] ?? "") ?? new Uint8Array();
  const height = treeHeight(bytes.length);
  const layer = layerOf(bytes, range.base === 0 ? 16_384 : PIECE);
  const hashes = hashesOf(range, makeNodes({ layer, base: range.base, height, sha256: digests.sha256 }));
  return hashes === undefined ? { _tag: "HashReject", range } : { _tag: "Hashes", range, hashes };
};

/** Answers requests for hashes with what `answer` gives; undefined for nothing. */
export const answering =
  (answer: (range: HashRange, talk: FakeTalk) => EncodableMessage | undefined) =>
  (message: Message, talk: FakeTalk): boolean => {
    if (message._tag !== "HashRequest") return false;
    const said = answer(message.range, talk);
    if (said !== undefined) talk.say(said);
    return true;
  };

/** What a fake peer was asked hashes of, in order. */
export const asked = (talk: FakeTalk | undefined): ReadonlyArray<HashRange> =>
  (talk?.heard ?? []).flatMap((message) => (message._tag === "HashRequest" ? [message.range] : []));

/** The files as a torrent of v2, and as a hybrid. */
export const v2 = makeTreeFixture(FILES, { ...options, version: "v2" });
export const hybrid = makeTreeFixture(FILES, { ...options, version: "hybrid" });

/** Fetches from a seed of ours, over a network with some delay. */
export const fetches = (fixture: TreeFixture, source: TorrentSource) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    yield* makeQuietSeed(fixture, { network, address: SEED });
    const client = yield* makeClient({ network, address: CLIENT });
    const run = yield* watch(client, requestOf(fixture, { source, peers: at(SEED), noTrackers: true }));
    yield* TestClock.adjust("20 seconds");
    yield* Fiber.join(run.fiber);
    yield* assertTree(client, fixture);
    return run;
  }).pipe(Effect.provide(MemoryTrackers.layer));
