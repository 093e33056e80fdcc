import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openTracker } from "../support/clients/opentracker.ts";
import { describeClients } from "../support/clients/presence.ts";
import { makeHome, runProgram } from "../support/clients/program.ts";

describeClients("scrape", ["opentracker"], () => {
  it.live("asks over HTTP and UDP, and tells of a tracker that is not there", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const hash = "0123456789abcdef0123456789abcdef01234567";
      const tracker = yield* openTracker([hash]);
      const query = `info_hash=%01%23%45%67%89%ab%cd%ef%01%23%45%67%89%ab%cd%ef%01%23%45%67&peer_id=${"x".repeat(20)}`;
      yield* Effect.promise(() => fetch(`${tracker.http}?${query}&port=7000&left=0&uploaded=0&downloaded=0&compact=1`));
      const urls = [tracker.http, tracker.udp, "http://127.0.0.1:1/announce"];
      const trackers = urls.flatMap((url) => ["--tracker", url]);
      const { status, stdout } = yield* runProgram(home, ["scrape", "--json", hash, ...trackers]);
      assert.strictEqual(status, 0);
      const [http, udp, dead] = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepStrictEqual([http.url, udp.url, dead.url], urls);
      assert.strictEqual(http.seeders, 1);
      assert.strictEqual(udp.seeders, 1);
      assert.strictEqual(dead.code, "tracker.unreachable");
      const table = yield* runProgram(home, ["scrape", hash, "--tracker", tracker.http]);
      assert.match(table.stdout, /^seeders +leechers +completed +tracker\n1 /);
      const none = yield* runProgram(home, ["scrape", hash]);
      assert.strictEqual(none.status, 1);
      assert.match(none.stderr, /names no tracker/);
    }),
  );
});

describeClients("scrape of a hybrid", ["opentracker"], () => {
  it.live("counts those of the swarm that has more", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const [v1, v2] = ["01".repeat(20), "23".repeat(32)];
      const tracker = yield* openTracker([v1, v2.slice(0, 40)]);
      const query = `info_hash=${"%23".repeat(20)}&peer_id=${"x".repeat(20)}`;
      yield* Effect.promise(() => fetch(`${tracker.http}?${query}&port=7000&left=0&uploaded=0&downloaded=0&compact=1`));
      const link = `magnet:?xt=urn:btih:${v1}&xt=urn:btmh:1220${v2}`;
      const urls = [tracker.http, tracker.udp].flatMap((url) => ["--tracker", url]);
      const { stdout } = yield* runProgram(home, ["scrape", "--json", link, ...urls]);
      const answers = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepStrictEqual(
        answers.map(({ seeders, url }) => [url, seeders]),
        [
          [tracker.http, 1],
          [tracker.udp, 1],
        ],
      );
    }),
  );
});

describe("scrape", () => {
  it.live("shows how many download where a tracker tells them from partial seeds (BEP 21)", () =>
    Effect.gen(function* () {
      const hash = "61".repeat(20);
      const counts = "d8:completei3e10:downloadedi5e11:downloadersi2e10:incompletei4ee";
      const server = createServer((_, response) => void response.end(`d5:filesd20:${"a".repeat(20)}${counts}ee`));
      yield* Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening"));
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()));
      // It listens on TCP.
      const { port } = server.address() as AddressInfo;
      const tracker = ["--tracker", `http://127.0.0.1:${port}/announce`];
      const home = yield* makeHome;
      const table = yield* runProgram(home, ["scrape", hash, ...tracker, "--tracker", "http://127.0.0.1:1/announce"]);
      assert.match(
        table.stdout,
        /^seeders +leechers +downloaders +completed +tracker\n3 +4 +2 +5 +http\S+\n- +- +- +- +/,
      );
      const { stdout } = yield* runProgram(home, ["scrape", "--json", hash, ...tracker]);
      assert.deepInclude(JSON.parse(stdout), { seeders: 3, leechers: 4, downloaders: 2, completed: 5 });
    }),
  );
});
