import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fetchBytes } from "../../../src/app/fetch.ts";
import type { Proxy } from "../../../src/schema/socks5.ts";
import * as Live from "../../../src/services/live.ts";
import { HttpProxy } from "../../../src/services/http/proxied.ts";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import * as NoDatagrams from "../../../src/services/Datagrams/none.ts";
import * as Dns from "../../../src/services/Dns/node.ts";
import * as Socks5 from "../../../src/services/Transport/socks5.ts";
import * as Tcp from "../../../src/services/Transport/tcp.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import * as Web from "../../../src/services/WebSeed/http.ts";
import { WebSeed } from "../../../src/services/WebSeed/WebSeed.ts";

const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0));
      });
    }),
    () => Effect.sync(() => server.close()),
  );

/** A proxy of the test: connects to loopback whatever host is named, and notes what that was. Packets are small enough to come whole. */
const makeProxy = Effect.gen(function* () {
  const asked: Array<string> = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client.on("error", () => {}));
    client.once("data", () => {
      client.write(Uint8Array.of(5, 0));
      client.once("data", (request: Buffer) => {
        const isName = request[3] === 3;
        const host = isName ? request.subarray(5, -2).toString() : request.subarray(4, -2).join(".");
        asked.push(host);
        const upstream = connect(request.readUInt16BE(request.length - 2), "127.0.0.1");
        sockets.add(upstream.on("error", () => client.end(Uint8Array.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0))));
        upstream.once("connect", () => {
          client.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
          client.pipe(upstream).pipe(client);
        });
      });
    });
  });
  const port = yield* listening(server);
  yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())));
  const proxy: Proxy = { host: "127.0.0.1", port };
  return { proxy, asked };
});

const transportOf = (proxy: Proxy) => Socks5.layer(proxy, Tcp.layer).pipe(Layer.provide(Dns.layer));

describe("a SOCKS5 proxy", () => {
  it.live("carries connections to peers, which go by the peer's address", () =>
    Effect.gen(function* () {
      const { asked, proxy } = yield* makeProxy;
      const port = yield* listening(createServer((socket) => socket.end("hello")));
      const target = NetAddress.inetAddressFromStringUnsafe(`1.2.3.4:${port}`);
      const text = yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* (yield* Transport).dial(target, { timeout: "5 seconds" });
          assert.strictEqual(NetAddress.formatInet(connection.remote), `1.2.3.4:${port}`);
          return new TextDecoder().decode(yield* connection.read(5));
        }),
      ).pipe(Effect.provide(transportOf(proxy)));
      assert.strictEqual(text, "hello");
      assert.deepStrictEqual(asked, ["1.2.3.4"]);
    }),
  );

  it.live("that refuses, or is not there, leaves no way round it", () =>
    Effect.gen(function* () {
      const { proxy } = yield* makeProxy;
      const target = NetAddress.inetAddressFromStringUnsafe("127.0.0.1:1");
      const dial = Effect.scoped(Transport.use((transport) => transport.dial(target, { timeout: "5 seconds" })));
      const refused = yield* Effect.flip(Effect.provide(dial, transportOf(proxy)));
      assert.include(refused.message, "connection refused");
      const open = yield* listening(createServer((socket) => socket.end()));
      const there = NetAddress.inetAddressFromStringUnsafe(`127.0.0.1:${open}`);
      const around = Effect.scoped(Transport.use((transport) => transport.dial(there, { timeout: "5 seconds" })));
      const gone = yield* Effect.flip(Effect.provide(around, transportOf({ host: "127.0.0.1", port: 1 })));
      assert.strictEqual(gone._tag, "TransportError");
    }),
  );

  it.live("lets nobody be listened to, and no packet out", () =>
    Effect.gen(function* () {
      const { proxy } = yield* makeProxy;
      const listen = Effect.scoped(Transport.use((transport) => transport.listen({ port: 0 })));
      assert.include((yield* Effect.flip(Effect.provide(listen, transportOf(proxy)))).message, "behind a proxy");
      const send = Datagrams.use((datagrams) =>
        datagrams.send(NetAddress.inetAddressFromStringUnsafe("127.0.0.1:9"), Uint8Array.of(1)),
      );
      const error = yield* Effect.flip(Effect.provide(send, NoDatagrams.layer("no UDP")));
      assert.strictEqual(error.reason._tag, "NoRelay");
      yield* Effect.scoped(Layer.build(Live.layer({ proxy })));
    }),
  );

  it.live("carries web seeds, and looks their names up itself", () =>
    Effect.gen(function* () {
      const { asked, proxy } = yield* makeProxy;
      const port = yield* listening(createHttpServer((_, response) => void response.end("12345")));
      let got = "";
      const fetch = WebSeed.use((web) =>
        web.fetch({
          url: `http://nowhere.invalid:${port}/x`,
          length: 5,
          part: { from: 0, total: 5 },
          onBytes: (bytes) => {
            got += new TextDecoder().decode(bytes);
            return true;
          },
        }),
      );
      const layer = Web.layer.pipe(Layer.provide(Layer.succeed(HttpProxy, proxy)));
      yield* Effect.provide(fetch, layer);
      assert.strictEqual(got, "12345");
      assert.deepStrictEqual(asked, ["nowhere.invalid"]);
    }),
  );

  it.live("carries links to a .torrent, and their redirects", () =>
    Effect.gen(function* () {
      const { asked, proxy } = yield* makeProxy;
      const port = yield* listening(
        createHttpServer((request, response) => {
          const location = `http://elsewhere.invalid:${port}/b`;
          if (request.url === "/a") response.writeHead(302, { location }).end();
          else response.end("12345");
        }),
      );
      const bytes = yield* Effect.provideService(fetchBytes(`http://nowhere.invalid:${port}/a`), HttpProxy, proxy);
      assert.strictEqual(Buffer.from(bytes).toString(), "12345");
      assert.deepStrictEqual(asked, ["nowhere.invalid", "elsewhere.invalid"]);
    }),
  );
});
