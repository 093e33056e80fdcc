import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent } from "../support/clients/libtorrent.ts";
import { miniupnpd, type MappingProtocol } from "../support/clients/miniupnpd.ts";
import { makeHouse, makeHub } from "../support/clients/namespaces.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { makeHome, programPath } from "../support/clients/program.ts";

/** miniupnpd serves no addresses that are private or for documentation; nothing of this leaves the machine. */
const OUTSIDE = "5.5.5";

/** A seed in a house whose box is miniupnpd is reached from outside through the port that it had mapped, and takes the mapping back. */
const isReached = (protocol: MappingProtocol, said: RegExp) =>
  Effect.gen(function* () {
    const hub = yield* makeHub;
    const { box, house } = yield* makeHouse(hub, "one", OUTSIDE);
    const router = yield* miniupnpd(box, protocol);
    const payload = yield* makePayload({
      folder: yield* emptyFolder,
      name: "inside.bin",
      pieceLength: 32_768,
      content: 600_000,
    });
    const home = yield* makeHome;
    const [file, ...words] = house.enter;
    const args = [payload.torrent, payload.folder, "--no-trackers", "--port", "6881", "--debug"];
    const seed = yield* start(file, [...words, process.execPath, programPath(), "seed", ...args], {
      env: { ...home.env, BT_EFFECT_NO_PORT_MAPPING: "false" },
    });
    yield* seed.prints(said);
    assert.deepStrictEqual(yield* router.mappings, ["6881 to 192.168.1.2:6881", "6881 to 192.168.1.2:6881"]);

    const folder = join(yield* emptyFolder, "out");
    mkdirSync(folder);
    const leecher = yield* libtorrent({
      mode: "leech",
      source: payload.torrent,
      folder,
      peers: [`${OUTSIDE}.2:6881`],
      settings: { listen_interfaces: "0.0.0.0:0" },
      via: hub.enter,
    });
    yield* leecher.finished;
    assertSame(payload, join(folder, payload.name));

    yield* seed.kill("SIGINT");
    assert.strictEqual((yield* seed.ended).status, 0);
    assert.deepStrictEqual(yield* router.mappings, []);
  });

describeClients("a seed behind the NAT of miniupnpd", ["miniupnpd", "python3-libtorrent", "root", "nftables"], () => {
  describe.concurrent("has its port passed on", () => {
    it.live("by PCP, and is reached", () => isReached("PCP", /PCP: UDP port 6881 is port 6881 of 5\.5\.5\.2/));
    it.live("by UPnP, when the others are not answered, and is reached", () =>
      isReached("UPnP", /UPnP: UDP port 6881 is port 6881 of 5\.5\.5\.2/),
    );

    it.live("by NAT-PMP, where it is asked by that alone", () =>
      Effect.gen(function* () {
        const { box, house } = yield* makeHouse(yield* makeHub, "one", OUTSIDE);
        const router = yield* miniupnpd(box, "PCP");
        const [file, ...words] = house.enter;
        const script = join(import.meta.dirname, "../support/clients/natPmpOnce.ts");
        const asking = yield* start(file, [...words, process.execPath, script]);
        yield* asking.prints(/"external":6881,"lifetime":\d{2,},"address":"5\.5\.5\.2"/);
        assert.deepStrictEqual(yield* router.mappings, ["6881 to 192.168.1.2:6881"]);
        yield* asking.kill("SIGINT");
        assert.deepInclude(yield* asking.ended, { status: 0 });
        assert.deepStrictEqual(yield* router.mappings, []);
      }),
    );
  });
});
