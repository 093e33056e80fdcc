import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber, Option } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { gzipSync } from "node:zlib";
import { TrackerError } from "../../../src/schema/errors/TrackerError.ts";
import * as InfoHash from "../../../src/schema/infoHash.ts";
import type { AnnounceRequest } from "../../../src/schema/tracker.ts";
import { announceUrl, MAX_BODY } from "../../../src/schema/trackerHttp.ts";
import { makeHttp } from "../../../src/services/Tracker/http.ts";
import { describeFixtures, fixture } from "../../support/fixtures.ts";

const request: AnnounceRequest = {
  infoHash: Option.getOrThrow(InfoHash.fromBytes(Uint8Array.from({ length: 20 }, (_, i) => 255 - i))),
  peerId: new Uint8Array(20).fill(0x41),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  event: "started",
  numwant: 50,
  key: 1,
};
const GOOD = "d8:intervali900e5:peers6:\x01\x02\x03\x04\x1a\xe1e";
const good = { interval: 900, peers: [NetAddress.inetAddressFromStringUnsafe("1.2.3.4:6881")] };

const listening = <S extends TcpServer | Server>(server: S, host: string) =>
  Effect.acquireRelease(
    Effect.callback<S>((resume) => void server.listen(0, host, () => resume(Effect.succeed(server)))),
    () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
  );

const portOf = (server: TcpServer) => {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

/** An HTTP server for the length of the test; gives its port. */
const serve = (listener: RequestListener, host = "127.0.0.1") =>
  Effect.map(
    Effect.tap(listening(createServer(listener), host), (server) =>
      Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())),
    ),
    portOf,
  );

/** A server of bare sockets; gives its port. */
const serveSockets = (handle: (socket: Socket) => void) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      handle(socket);
    });
    yield* listening(server, "127.0.0.1");
    yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())));
    return portOf(server);
  });

const announce = (url: string) => Effect.flatMap(makeHttp, (http) => http.announce(url, request));
const refusal = (url: string) => Effect.flip(announce(url));

describe("Tracker, HTTP", () => {
  it.effect("asks with exactly the bytes of the URL and reads the answer", () =>
    Effect.gen(function* () {
      const seen: Array<IncomingMessage> = [];
      const port = yield* serve((incoming, reply) => {
        seen.push(incoming);
        reply.end(Buffer.from(GOOD, "latin1"));
      });
      const url = `http://u:p@127.0.0.1:${port}/a?k=%dE'`;
      assert.deepStrictEqual(yield* announce(url), good);
      assert.deepStrictEqual(
        seen.map(({ url, method }) => [method, `http://u:p@127.0.0.1:${port}${url}`]),
        [["GET", announceUrl(url, request)]],
      );
      assert.match(seen[0]?.headers["user-agent"] ?? "", /^bt-effect\/\d/);
      assert.strictEqual(seen[0]?.headers.authorization, "Basic dTpw");
    }),
  );

  it.effect("finds a host by name over whichever family it answers", () =>
    Effect.gen(function* () {
      const port = yield* serve((_, reply) => reply.end(Buffer.from(GOOD, "latin1")));
      assert.deepStrictEqual(yield* announce(`http://localhost:${port}/`), good);
    }),
  );

  it.effect("takes the tracker's own words over the HTTP status, and the status over nothing", () =>
    Effect.gen(function* () {
      const port = yield* serve((incoming, reply) => {
        reply.statusCode = incoming.url?.startsWith("/200") === true ? 200 : 503;
        reply.end(
          incoming.url?.includes("worded") === true
            ? "d14:failure reason4:fulle"
            : incoming.url?.includes("peers") === true
              ? "de"
              : "<html>",
        );
      });
      const at = (path: string) => refusal(`http://127.0.0.1:${port}/${path}`);
      assert.deepStrictEqual(yield* at("200/worded"), { _tag: "Rejected", text: "full" });
      assert.deepStrictEqual(yield* at("503/worded"), { _tag: "Rejected", text: "full" });
      assert.deepStrictEqual(yield* at("503/html"), { _tag: "HttpStatus", status: 503 });
      assert.deepStrictEqual(yield* at("503/peers"), { _tag: "HttpStatus", status: 503 });
      assert.strictEqual((yield* at("200/html"))._tag, "Malformed");
    }),
  );

  it.effect("unpacks gzip whatever the header says, but no bomb and nothing damaged", () =>
    Effect.gen(function* () {
      const bodies: Readonly<Record<string, Buffer>> = {
        "/good": gzipSync(Buffer.from(GOOD, "latin1")),
        "/bomb": gzipSync(Buffer.alloc(MAX_BODY + 1)),
        "/cut": gzipSync(Buffer.from(GOOD, "latin1")).subarray(0, 20),
      };
      const port = yield* serve((incoming, reply) => reply.end(bodies[incoming.url?.split("?")[0] ?? ""]));
      assert.deepStrictEqual(yield* announce(`http://127.0.0.1:${port}/good`), good);
      assert.deepStrictEqual(yield* refusal(`http://127.0.0.1:${port}/bomb`), { _tag: "TooLarge", limit: MAX_BODY });
      assert.strictEqual((yield* refusal(`http://127.0.0.1:${port}/cut`))._tag, "Malformed");
    }),
  );

  it.effect("stops reading an answer that has no end", () =>
    Effect.gen(function* () {
      const port = yield* serve((_, reply) => {
        const more = () => {
          while (!reply.destroyed && reply.write(Buffer.alloc(65_536))) continue;
        };
        reply.on("drain", more);
        more();
      });
      assert.deepStrictEqual(yield* refusal(`http://127.0.0.1:${port}/`), { _tag: "TooLarge", limit: MAX_BODY });
    }),
  );

  it.effect("follows five redirects and no sixth", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = [];
      const port = yield* serve((incoming, reply) => {
        seen.push(incoming.url);
        const left = Number(/^\/(\d+)/.exec(incoming.url ?? "")?.[1]);
        if (left === 0) return reply.end(Buffer.from(GOOD, "latin1"));
        return reply.writeHead(302, { location: `/${left - 1}?%DD` }).end();
      });
      assert.deepStrictEqual(yield* announce(`http://127.0.0.1:${port}/5`), good);
      assert.deepStrictEqual(seen.slice(1), ["/4?%DD", "/3?%DD", "/2?%DD", "/1?%DD", "/0?%DD"]);
      const often = yield* refusal(`http://127.0.0.1:${port}/6`);
      assert.deepStrictEqual(often, { _tag: "Malformed", why: "it redirects too often" });
    }),
  );

  it.effect("follows no redirect away from HTTP", () =>
    Effect.gen(function* () {
      const port = yield* serve((_, reply) => reply.writeHead(301, { location: "file:///etc/passwd" }).end());
      const nowhere = yield* refusal(`http://127.0.0.1:${port}/`);
      assert.deepStrictEqual(nowhere, { _tag: "Malformed", why: "it redirects to nowhere" });
    }),
  );

  const outward = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  it.effect("lets no tracker elsewhere send it to this machine", (context) =>
    Effect.gen(function* () {
      if (outward === undefined) return context.skip("this machine has no address but loopback");
      let location = "";
      const port = yield* serve((_, reply) => reply.writeHead(302, { location }).end(), "0.0.0.0");
      for (const host of ["127.0.0.1", "localhost", "[::1]", "169.254.1.1", "0.0.0.0", "[::ffff:127.0.0.1]"]) {
        location = `http://${host}:${port}/x`;
        const refused = yield* refusal(`http://${outward}:${port}/`);
        assert.deepStrictEqual(refused, { _tag: "Malformed", why: "it redirects into a private network" }, host);
      }
      return undefined;
    }),
  );

  it.effect("gives up on a silent tracker after 30 s, on a silent handshake after 10 s", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>();
      const port = yield* serve(() => Deferred.doneUnsafe(arrived, Effect.void));
      const silent = yield* Effect.forkChild(refusal(`http://127.0.0.1:${port}/`));
      yield* Deferred.await(arrived);
      yield* TestClock.adjust("29 seconds");
      assert.isUndefined(silent.pollUnsafe());
      yield* TestClock.adjust("1 seconds");
      assert.deepStrictEqual(yield* Fiber.join(silent), { _tag: "TimedOut" });

      const connected = yield* Deferred.make<void>();
      const mute = yield* serveSockets(() => Deferred.doneUnsafe(connected, Effect.void));
      const handshake = yield* Effect.forkChild(refusal(`https://127.0.0.1:${mute}/`));
      yield* Deferred.await(connected);
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual(yield* Fiber.join(handshake), { _tag: "TimedOut" });
    }),
  );

  it.effect("closes its socket when it is interrupted", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>();
      const gone = yield* Deferred.make<void>();
      const port = yield* serveSockets((socket) => {
        socket.once("data", () => Deferred.doneUnsafe(arrived, Effect.void));
        socket.once("close", () => Deferred.doneUnsafe(gone, Effect.void));
      });
      const fiber = yield* Effect.forkChild(refusal(`http://127.0.0.1:${port}/`));
      yield* Deferred.await(arrived);
      yield* Fiber.interrupt(fiber);
      yield* Deferred.await(gone);
    }),
  );

  it.effect("tells apart who cannot be reached, who is unknown and who speaks no HTTP", () =>
    Effect.gen(function* () {
      const garbage = yield* serveSockets((socket) => socket.end("\x13BitTorrent protocol"));
      assert.deepStrictEqual(yield* refusal(`http://127.0.0.1:${garbage}/`), {
        _tag: "Malformed",
        why: "it is no HTTP",
      });
      const rude = yield* serveSockets((socket) => socket.destroy());
      assert.strictEqual((yield* refusal(`http://127.0.0.1:${rude}/`))._tag, "Unreachable");
      const nobody = new TrackerError({ url: "x", reason: yield* refusal("http://127.0.0.1:1/") });
      assert.strictEqual(nobody.message, "x: cannot be reached (connection refused)");
      assert.deepStrictEqual(yield* refusal("http://no-such-host.invalid/"), {
        _tag: "UnknownHost",
        host: "no-such-host.invalid",
      });
      assert.strictEqual((yield* refusal("http://:80/"))._tag, "Unreachable");
    }),
  );
});

describeFixtures("Tracker, HTTP, with recorded gzip", () => {
  for (const [name, tag] of [
    ["gzip-corrupt.gz", "Malformed"],
    ["gzip-invalid1.gz", "Malformed"],
    ["gzip-zeroes.gz", "Malformed"],
  ] as const) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function* () {
        const port = yield* serve((_, reply) => reply.end(fixture(`recorded/${name}`)));
        assert.strictEqual((yield* refusal(`http://127.0.0.1:${port}/`))._tag, tag);
      }),
    );
  }
});
