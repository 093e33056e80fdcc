import { assert, describe, it } from "@effect/vitest";
import { NetAddress } from "effect/net";
import { makePeerStore } from "../../../src/services/Dht/peerStore.ts";
import { inet } from "../../support/dht.ts";

const settings = { maxTorrents: 3, maxPeersPerTorrent: 4, peerLife: 1_000 };
const torrent = (n: number): Uint8Array => new Uint8Array(20).fill(n);
const peer = (port: number, seed = false) => ({ address: inet(`1.2.3.4:${port}`), seed });

describe("peerStore", () => {
  it("tells of a peer until its time is over, which each announce begins anew", () => {
    const store = makePeerStore(settings);
    store.add(torrent(1), peer(1), 0);
    store.add(torrent(1), peer(2), 500);
    store.add(torrent(1), peer(1, true), 800);
    const at = (now: number) => store.get(torrent(1), now).map(({ address, seed }) => [address.port, seed]);
    assert.deepStrictEqual(at(1_200), [
      [2, false],
      [1, true],
    ]);
    assert.deepStrictEqual(at(1_500), [[1, true]]);
    assert.deepStrictEqual(at(1_800), []);
    assert.deepStrictEqual(store.get(torrent(9), 0), []);
  });

  it("keeps the latest peers of a torrent", () => {
    const store = makePeerStore(settings);
    for (let port = 1; port <= 10; port++) store.add(torrent(1), peer(port), port);
    assert.deepStrictEqual(
      store.get(torrent(1), 10).map(({ address }) => NetAddress.formatInet(address)),
      ["1.2.3.4:7", "1.2.3.4:8", "1.2.3.4:9", "1.2.3.4:10"],
    );
  });

  it("drops torrents without peers first, then the one with the fewest", () => {
    const store = makePeerStore(settings);
    for (const port of [1, 2, 3]) store.add(torrent(1), peer(port), 0);
    store.add(torrent(2), peer(1), 0);
    for (const port of [1, 2]) store.add(torrent(3), peer(port), 900);
    store.add(torrent(4), peer(1), 950);
    assert.deepStrictEqual(store.get(torrent(2), 950), []);
    assert.strictEqual(store.get(torrent(1), 950).length, 3);
    // by now the peers of the first have ended
    store.add(torrent(5), peer(1), 1_500);
    assert.strictEqual(store.size(), 3);
    assert.strictEqual(store.get(torrent(4), 1_500).length, 1);
  });
});
