import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import { reach } from "../../../src/schema/reach.ts";
import { layer } from "../../../src/services/WebSeed/http.ts";
import { WebSeed } from "../../../src/services/WebSeed/WebSeed.ts";

const FILE = Uint8Array.from({ length: 300_000 }, (_, at) => at * 7);

/** An HTTP server for the length of the test; gives its URL. */
const serve = (listener: RequestListener, host = "127.0.0.1") =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(listener);
      server.listen(0, host, () => resume(Effect.succeed(server)));
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void));
        server.closeAllConnections();
      }),
  ).pipe(
    Effect.map((server) => {
      const address = server.address();
      return `http://${host}:${typeof address === "object" && address !== null ? address.port : 0}`;
    }),
  );

/** Serves `FILE` by ranges, as web servers do. */
const give = (request: IncomingMessage, response: ServerResponse, total = FILE.length): void => {
  const [, from = "0", to = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const body = FILE.subarray(Number(from), Number(to) + 1);
  response.writeHead(206, { "content-range": `bytes ${from}-${to}/${total}`, "content-length": body.length });
  response.end(body);
};

const fetch = (url: string, from: number, length: number, most = Number.POSITIVE_INFINITY) =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = [];
    let left = most;
    yield* (yield* WebSeed).fetch({
      url,
      length,
      part: { from, total: FILE.length },
      onBytes: (bytes) => {
        chunks.push(Uint8Array.from(bytes));
        left -= bytes.length;
        return left > 0;
      },
    });
    return Uint8Array.from(Buffer.concat(chunks));
  });

const refusal = (listener: RequestListener) =>
  Effect.gen(function* () {
    const url = yield* serve(listener);
    return (yield* Effect.flip(fetch(`${url}/x`, 100, 200))).reason;
  });

describe("WebSeed, HTTP", () => {
  it.effect("fetches parts over one kept connection, says who it is and how it may answer", () =>
    Effect.gen(function* () {
      const seen: Array<IncomingMessage> = [];
      const url = yield* serve((request, response) => {
        seen.push(request);
        give(request, response);
      });
      const withUser = url.replace("//", "//me:p%40ss@");
      assert.deepStrictEqual(yield* fetch(`${withUser}/a%20b?x=1`, 100, 200), FILE.subarray(100, 300));
      assert.deepStrictEqual(yield* fetch(`${withUser}/a%20b?x=1`, 0, 300_000), FILE);
      assert.strictEqual(seen[0]?.url, "/a%20b?x=1");
      assert.strictEqual(seen[0]?.headers.authorization, `Basic ${btoa("me:p@ss")}`);
      assert.strictEqual(seen[0]?.headers["accept-encoding"], "identity");
      assert.match(seen[0]?.headers["user-agent"] ?? "", /^bt-effect\/\d/);
      assert.isTrue(seen[0]?.socket === seen[1]?.socket);
    }).pipe(Effect.provide(layer)),
  );

  it.effect("ends early when no more is of use", () =>
    Effect.gen(function* () {
      const url = yield* serve(
        (_, response) =>
          void (
            response.writeHead(206, {
              "content-range": `bytes 0-299999/${FILE.length}`,
              "content-length": FILE.length,
            }),
            response.write(FILE.subarray(0, 1000))
          ),
      );
      const got = yield* fetch(url, 0, FILE.length, 500);
      assert.isAtMost(got.length, 1000);
    }).pipe(Effect.provide(layer)),
  );

  it.effect("takes all of a file where all of it was asked for, even without ranges", () =>
    Effect.gen(function* () {
      const url = yield* serve((_, response) => void response.end(FILE));
      assert.deepStrictEqual(yield* fetch(url, 0, FILE.length), FILE);
    }).pipe(Effect.provide(layer)),
  );

  it.effect("follows redirects, and goes straight to where they led the next time", () =>
    Effect.gen(function* () {
      const paths: Array<string | undefined> = [];
      const url = yield* serve((request, response) => {
        paths.push(request.url);
        if (request.url === "/real") return give(request, response);
        response.writeHead(302, { location: request.url === "/a" ? "b" : "/real" });
        response.end("moved");
      });
      yield* fetch(`${url}/a`, 0, 10);
      yield* fetch(`${url}/a`, 10, 10);
      assert.deepStrictEqual(paths, ["/a", "/b", "/real", "/real"]);
    }).pipe(Effect.provide(layer)),
  );

  it.effect("gives up on redirects without an end", () =>
    Effect.gen(function* () {
      const reason = yield* refusal((_, response) => {
        response.writeHead(307, { location: "/again" });
        response.end();
      });
      assert.deepStrictEqual(reason, { _tag: "BadRedirect", why: "too often" });
    }).pipe(Effect.provide(layer)),
  );

  const ownAddress = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry !== undefined && entry.family === "IPv4" && !entry.internal)?.address;
  it.effect("never follows a public host into a private network", (context) =>
    Effect.gen(function* () {
      if (ownAddress === undefined || reach(NetAddress.ipFromStringUnsafe(ownAddress)) < 3)
        return context.skip("this machine has no public address of its own");
      const inner = yield* serve((request, response) => give(request, response));
      const outer = yield* serve((_, response) => void response.writeHead(302, { location: inner }).end(), ownAddress);
      const { reason } = yield* Effect.flip(fetch(outer, 0, 10));
      assert.deepStrictEqual(reason, { _tag: "BadRedirect", why: "into a private network" });
    }).pipe(Effect.provide(layer)),
  );

  const refusals: ReadonlyArray<readonly [does: string, tag: string, listener: RequestListener]> = [
    ["has no such file", "Missing", (_, response) => void response.writeHead(404).end()],
    ["has lost the file", "Missing", (_, response) => void response.writeHead(410).end()],
    ["has a shorter file", "Missing", (_, response) => void response.writeHead(416).end()],
    ["has a file of another length", "Missing", (request, response) => give(request, response, 300_001)],
    ["sends all of the file", "NoRanges", (_, response) => void response.end(FILE)],
    ["fails", "HttpStatus", (_, response) => void response.writeHead(500).end()],
    ["sends no range", "Malformed", (_, response) => void response.writeHead(206).end(FILE.subarray(100, 300))],
    [
      "sends another range",
      "Malformed",
      (_, response) =>
        void response.writeHead(206, { "content-range": "bytes 0-199/300000" }).end(FILE.subarray(0, 200)),
    ],
    [
      "sends too much",
      "Malformed",
      (_, response) => void response.writeHead(206, { "content-range": "bytes 100-299/300000" }).end(FILE),
    ],
    [
      "sends too little",
      "Malformed",
      (_, response) => void response.writeHead(206, { "content-range": "bytes 100-299/300000" }).end("x"),
    ],
    [
      "packs it",
      "Malformed",
      (_, response) =>
        void response
          .writeHead(206, { "content-range": "bytes 100-299/300000", "content-encoding": "gzip" })
          .end(FILE.subarray(100, 300)),
    ],
    ["hangs up", "Unreachable", (request) => void request.socket.destroy()],
    ["speaks something else", "Malformed", (request) => void request.socket.end("SSH-2.0-x\r\n\r\n")],
  ];
  for (const [does, tag, listener] of refusals) {
    it.effect(`fails when the seed ${does}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* refusal(listener))._tag, tag);
      }).pipe(Effect.provide(layer)),
    );
  }

  it.effect("hears how long a busy seed wants to be left alone", () =>
    Effect.gen(function* () {
      const byHeader = yield* refusal((_, response) => void response.writeHead(503, { "retry-after": "77" }).end("x"));
      const byBody = yield* refusal((_, response) => void response.writeHead(503).end("12"));
      const endless = yield* refusal((_, response) => {
        response.writeHead(429);
        response.write("9".repeat(100_000));
      });
      assert.deepStrictEqual(byHeader, { _tag: "Busy", seconds: 77 });
      assert.deepStrictEqual(byBody, { _tag: "Busy", seconds: 12 });
      assert.deepStrictEqual(endless, { _tag: "Busy", seconds: 30 });
    }).pipe(Effect.provide(layer)),
  );

  it.effect("closes the connection when it is interrupted", () =>
    Effect.gen(function* () {
      let closed: () => void = () => {};
      const whenClosed = new Promise<void>((resolve) => {
        closed = resolve;
      });
      let begun: () => void = () => {};
      const whenBegun = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const url = yield* serve((request) => {
        request.socket.once("close", closed);
        begun();
      });
      const fiber = yield* Effect.forkChild(fetch(url, 0, 10));
      yield* TestClock.adjust("1 second");
      yield* Effect.promise(() => whenBegun);
      yield* Fiber.interrupt(fiber);
      yield* Effect.promise(() => whenClosed);
    }).pipe(Effect.provide(layer)),
  );
});
