import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { makeHouse, makeHub, type Namespace } from "../support/clients/namespaces.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { eventsOfType, makeHome, programPath } from "../support/clients/program.ts";

describeClients("two programs behind NAT boxes", ["root", "nftables"], () => {
  it.live("get through to each other by a third that has next to nothing to give", () =>
    Effect.gen(function* () {
      const hub = yield* makeHub;
      const { house: first } = yield* makeHouse(hub, "one", "203.0.113");
      const { house: second } = yield* makeHouse(hub, "two", "198.51.100");
      const payload = yield* makePayload({
        folder: yield* emptyFolder,
        name: "through.bin",
        pieceLength: 65_536,
        content: 2_000_001,
      });
      const run = ({ enter: [file, ...enter] }: Namespace, args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const home = yield* makeHome;
          const words = [...enter, process.execPath, programPath(), ...args, "--no-trackers", "--json"];
          return { home, running: yield* start(file, words, { cwd: home.folder, env: home.env }) };
        });

      const shared = join(yield* emptyFolder, payload.name);
      cpSync(join(payload.folder, payload.name), shared);
      const relay = yield* run(hub, [
        payload.torrent,
        "--peer",
        "203.0.113.9:9",
        "--port",
        "6881",
        "--download-limit",
        "5K",
        "--upload-limit",
        "5K",
      ]);
      yield* relay.running.until(() => eventsOfType(relay.running.stdout(), "started")[0]);
      yield* run(first, ["seed", payload.torrent, shared, "--peer", "203.0.113.1:6881", "--port", "6882"]);
      yield* relay.running.until(() =>
        eventsOfType(relay.running.stdout(), "peer").find(({ state }) => state === "connected"),
      );
      const leech = yield* run(second, [payload.torrent, "--peer", "198.51.100.1:6881", "--port", "6883"]);
      const { status } = yield* leech.running.ended;
      assert.strictEqual(status, 0);
      assertSame(payload, leech.home.out(payload.name));
      const met = eventsOfType(leech.running.stdout(), "peer").filter(({ state }) => state === "connected");
      assert.include(
        met.map(({ address }) => address),
        "203.0.113.2:6882",
      );
    }),
  );
});
