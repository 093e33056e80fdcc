import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import * as Agents from "../../../src/services/http/agents.ts";
import { follow, wayTo } from "../../../src/services/http/client.ts";
import { whole } from "../../../src/services/http/whole.ts";

const listening = (server: Server, host: string) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, host, () => {
        const address = server.address();
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0));
      });
    }),
    () => Effect.sync(() => server.close()),
  );

const serve = (listener: RequestListener, host = "127.0.0.1") =>
  Effect.suspend(() => {
    const server = createServer(listener);
    return Effect.tap(listening(server, host), () =>
      Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())),
    );
  });

const get = (url: string, agents = Agents.direct) => follow(wayTo(url), { agents }, whole(1_000));
const outward = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe("HTTP client", () => {
  it.effect("follows redirects on this machine, and says where they led", () =>
    Effect.gen(function* () {
      const port = yield* serve(({ url }, response) =>
        url === "/a" ? response.writeHead(308, { location: "b" }).end() : response.end("here"),
      );
      const [reply, way] = yield* get(`http://127.0.0.1:${port}/a`);
      assert.strictEqual(Buffer.from(reply.body).toString(), "here");
      assert.deepStrictEqual(way, { url: `http://127.0.0.1:${port}/b`, least: 0 });
    }),
  );

  it.effect("is led no nearer than those are who lead it", (context) =>
    Effect.gen(function* () {
      if (outward === undefined) return context.skip("this machine has no address but loopback");
      let location = "";
      const port = yield* serve((_, response) => response.writeHead(302, { location }).end(), "0.0.0.0");
      for (const host of ["127.0.0.1", "localhost", "[::1]", "169.254.1.1", "0.0.0.0", "[::ffff:127.0.0.1]"]) {
        location = `http://${host}:${port}/x`;
        assert.deepStrictEqual(
          yield* Effect.flip(get(`http://${outward}:${port}/`)),
          { _tag: "BadRedirect", why: "into a private network" },
          host,
        );
      }
      return undefined;
    }),
  );

  it.effect("leaves nothing on a connection that is kept, however often it asks over it", () =>
    Effect.gen(function* () {
      const sockets = new Set<Socket>();
      const port = yield* serve((_, response) => response.end("x"));
      const kept = yield* Agents.kept;
      const agents: Agents.Agents = {
        ...kept,
        for: (secure, least) => {
          const agent = kept.for(secure, least);
          if (typeof agent === "object")
            for (const socket of Object.values(agent.freeSockets).flatMap((free) => free ?? [])) sockets.add(socket);
          return agent;
        },
      };
      for (let n = 0; n < 20; n++) yield* get(`http://127.0.0.1:${port}/`, agents);
      assert.strictEqual(sockets.size, 1);
      for (const socket of sockets) assert.strictEqual(socket.listenerCount("connect"), 0);
    }),
  );

  it.effect("gives up a handshake after 10 s, over connections that are kept, too", () =>
    Effect.gen(function* () {
      for (const agents of [Agents.direct, yield* Agents.kept]) {
        const connected = yield* Deferred.make<void>();
        const mute = createTcpServer((socket) => {
          socket.on("error", () => {});
          Deferred.doneUnsafe(connected, Effect.void);
        });
        const port = yield* listening(mute, "127.0.0.1");
        const fiber = yield* Effect.forkChild(Effect.flip(get(`https://127.0.0.1:${port}/`, agents)));
        yield* Deferred.await(connected);
        yield* TestClock.adjust("10 seconds");
        assert.deepStrictEqual(yield* Fiber.join(fiber), { _tag: "TimedOut", after: 10_000 });
      }
    }),
  );

  it.effect("takes no more of an answer than it may have", () =>
    Effect.gen(function* () {
      const port = yield* serve(({ url }, response) => void response.end("x".repeat(Number(url?.slice(1)))));
      const [reply] = yield* get(`http://127.0.0.1:${port}/1000`);
      assert.strictEqual(reply.body.length, 1_000);
      const tooLarge = yield* Effect.flip(get(`http://127.0.0.1:${port}/1001`));
      assert.deepStrictEqual(tooLarge, { _tag: "TooLarge", limit: 1_000 });
    }),
  );
});
