import { it } from "@effect/vitest";
import { Effect } from "effect";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { describeLeeching, fetchesFrom } from "../support/clients/leeching.ts";
import { createTorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { type Payload, writeFiles } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";

/** Files whose torrent libtorrent makes. */
const payloadOf = (options: { readonly version: "1" | "hybrid"; readonly pads?: boolean }) =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    const name = "padded";
    const content = { "a.bin": 100_000, "b.bin": 5, "c/empty": 0, "c/d.bin": 70_001 };
    writeFiles({ folder, name, content });
    const source = join(folder, "padded.torrent");
    yield* createTorrent({ folder, name, source, pieceLength: 32_768, ...options });
    const payload: Payload = { name, folder, torrent: source, infoHash: "", size: 170_006 };
    return payload;
  });

describeClients("leeching from libtorrent", ["python3-libtorrent"], () => {
  describeLeeching("libtorrent", libtorrentSeeder);

  it.live("fetches files with pads between them, and writes no pads", () =>
    Effect.gen(function* () {
      const payload = yield* payloadOf({ version: "1", pads: true });
      // Three files, each with at most a block that its pad shares.
      yield* fetchesFrom(payload, yield* libtorrentSeeder(payload), 3 * 16_384);
    }),
  );

  it.live("fetches a hybrid torrent by its v1 half", () =>
    Effect.gen(function* () {
      const payload = yield* payloadOf({ version: "hybrid" });
      yield* fetchesFrom(payload, yield* libtorrentSeeder(payload));
    }),
  );
});
