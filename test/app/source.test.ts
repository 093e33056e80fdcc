import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, Layer, Path, Stdio, Stream } from "effect";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { readSource } from "../../src/app/source.ts";
import { encodeMetainfo } from "../../src/schema/metainfo/write.ts";
import { encodeInfo } from "../../src/schema/metainfo/writeInfo.ts";
import { page, data } from "../../src/app/infoPage.ts";
import { MAX_LENGTH } from "../../src/schema/bencode.ts";
import { Hasher } from "../../src/services/Hasher.ts";

/** One file of 5 bytes, one piece; the hash of the piece is zeros. */
const TORRENT = new TextEncoder().encode(
  `d8:announce10:http://t/a7:comment4:\u{1b}[2J4:infod6:lengthi5e4:name5:a.bin12:piece lengthi16384e6:pieces20:${"0".repeat(20)}ee`,
);

const platform = Layer.mergeAll(NodeServices.layer, Hasher.layer);

/** A folder with the given files. */
const folderWith = (files: Readonly<Record<string, Uint8Array>>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "bt-effect-source-" });
    for (const [name, bytes] of Object.entries(files)) yield* fs.writeFile(path.join(folder, name), bytes);
    return (name: string) => path.join(folder, name);
  });

/** A web server on loopback for the length of the scope; gives its base URL. */
const serve = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly base: string }>((resume) => {
      const server = createServer(listener);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        resume(Effect.succeed({ server, base: `http://127.0.0.1:${port}` }));
      });
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections();
        server.close(() => resume(Effect.void));
      }),
  ).pipe(Effect.map(({ base }) => base));

const codeOf = (word: string) => Effect.map(Effect.flip(readSource(word)), ({ code }) => code);

describe("source", () => {
  it.live("reads a file by its path and by its file URL", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({ "x.torrent": TORRENT });
      for (const word of [at("x.torrent"), `file://${at("x.torrent")}`]) {
        const source = yield* readSource(word);
        assert.strictEqual(source._tag === "Metainfo" && source.metainfo.info.name, "a.bin");
      }
    }).pipe(Effect.provide(platform)),
  );

  it.live("says what is wrong with a file, by its name", () =>
    Effect.gen(function* () {
      const at = yield* folderWith({
        "empty.torrent": new Uint8Array(),
        "page.torrent": new TextEncoder().encode("<!DOCTYPE html>"),
        "cut.torrent": TORRENT.subarray(0, 50),
        "large.torrent": new Uint8Array(MAX_LENGTH + 1),
      });
      const missing = yield* Effect.flip(readSource("no-such.torrent"));
      assert.strictEqual(missing.message, "no-such.torrent: no such file");
      assert.strictEqual(yield* codeOf("no-such.torrent"), "source.not-found");
      assert.strictEqual(yield* codeOf(at("")), "source.is-folder");
      assert.strictEqual(yield* codeOf(at("empty.torrent")), "source.empty");
      assert.strictEqual(yield* codeOf(at("page.torrent")), "source.web-page");
      assert.strictEqual(yield* codeOf(at("large.torrent")), "source.too-large");
      assert.match(yield* codeOf(at("cut.torrent")), /^bencode\./);
    }).pipe(Effect.provide(platform)),
  );

  it.effect("reads standard input for -", () =>
    Effect.gen(function* () {
      const stdin = Stream.make(TORRENT.subarray(0, 9), TORRENT.subarray(9));
      const source = yield* readSource("-").pipe(Effect.provide(Stdio.layerTest({ stdin })));
      assert.strictEqual(source._tag, "Metainfo");
    }).pipe(Effect.provide(platform)),
  );

  it.effect("stops reading standard input at the limit", () =>
    Effect.gen(function* () {
      const stdin = Stream.forever(Stream.make(new Uint8Array(1 << 20)));
      const error = yield* Effect.flip(readSource("-").pipe(Effect.provide(Stdio.layerTest({ stdin }))));
      assert.strictEqual(error.message, "standard input: larger than 10000000 bytes, too large for a .torrent file");
    }).pipe(Effect.provide(platform)),
  );

  it.effect("takes magnet links and bare info-hashes of all three forms", () =>
    Effect.gen(function* () {
      const v1 = "0123456789abcdef0123456789abcdef01234567";
      const v2 = `${v1}89abcdef0123456789abcdef`;
      const hashes = yield* Effect.forEach(
        [`magnet:?xt=urn:btih:${v1}`, v1.toUpperCase(), "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH", v2],
        (word) =>
          Effect.map(readSource(word), (source) => (source._tag === "Magnet" ? source.magnet.infoHash.hex : "none")),
      );
      assert.deepStrictEqual(hashes, [v1, v1, v1, v1]);
      assert.match(yield* codeOf("magnet:?xt=urn:btih:abc"), /^magnet\./);
      assert.strictEqual(yield* codeOf("ftp://x/y.torrent"), "source.unsupported-scheme");
    }).pipe(Effect.provide(platform)),
  );

  it.live("fetches a URL, following redirects", () =>
    Effect.gen(function* () {
      const base = yield* serve((request, response) => {
        if (request.url === "/old") response.writeHead(302, { location: "/x.torrent" }).end();
        else response.end(TORRENT);
      });
      assert.strictEqual((yield* readSource(`${base}/old`))._tag, "Metainfo");
    }).pipe(Effect.provide(platform)),
  );

  it.live("says why a URL gives no torrent", () =>
    Effect.gen(function* () {
      const base = yield* serve((request, response) => {
        if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
        else if (request.url === "/page") response.end("<html>");
        else if (request.url === "/endless") {
          const more = () => {
            while (response.write(new Uint8Array(1 << 16)));
          };
          response.on("drain", more);
          more();
        } else response.writeHead(404).end();
      });
      const missing = yield* Effect.flip(readSource(`${base}/x`));
      assert.strictEqual(missing.message, `${base}/x: the server answers with HTTP status 404`);
      assert.strictEqual(yield* codeOf(`${base}/loop`), "source.bad-redirect");
      assert.strictEqual(yield* codeOf(`${base}/page`), "source.web-page");
      assert.strictEqual(yield* codeOf(`${base}/endless`), "source.too-large");
    }).pipe(Effect.provide(platform)),
  );

  it.live("says that a server cannot be reached", () =>
    Effect.gen(function* () {
      const base = yield* Effect.scoped(serve((_request, response) => void response.end()));
      const error = yield* Effect.flip(readSource(`${base}/x`));
      assert.strictEqual(error.code, "source.refused");
      const where = base.slice("http://".length);
      assert.strictEqual(
        error.message,
        `${base}/x: no server listens at ${where}; check the host and the port, or try again later`,
      );
    }).pipe(Effect.provide(platform)),
  );

  it.live("says what is wrong with a URL or a server in words of its own, without the password", () =>
    Effect.gen(function* () {
      const base = yield* serve((_request, response) => {
        response.socket?.end("220 mail.test ready\r\n");
      });
      const port = new URL(base).port;
      assert.strictEqual(yield* codeOf("http://user:secret@127.0.0.1:99999/x"), "source.bad-url");
      assert.strictEqual(yield* codeOf(`http://127.0.0.1:${port}/x`), "source.no-http");
      assert.strictEqual(yield* codeOf(`https://127.0.0.1:${port}/x`), "source.no-tls");
      assert.strictEqual(yield* codeOf("http://nobody.invalid/x"), "source.unknown-host");
      // A port that `fetch` refuses to ask.
      const { message } = yield* Effect.flip(readSource("http://user:secret@127.0.0.1:1/x"));
      assert.match(message, /^http:\/\/127\.0\.0\.1:1\/x: no server listens at 127\.0\.0\.1:1; check/);
    }).pipe(Effect.provide(platform)),
  );

  it.live("logs in with what the URL says, and unpacks", () =>
    Effect.gen(function* () {
      const base = yield* serve((request, response) => {
        if (request.headers.authorization !== `Basic ${btoa("user:secret")}`) response.writeHead(401).end();
        else response.setHeader("content-encoding", "gzip").end(gzipSync(TORRENT));
      });
      assert.strictEqual(yield* codeOf(`${base}/x`), "source.http-status");
      const source = yield* readSource(`${base.replace("//", "//user:secret@")}/x`);
      assert.strictEqual(source._tag, "Metainfo");
    }).pipe(Effect.provide(platform)),
  );
});

describe("infoPage", () => {
  it.effect("shows a torrent, and nothing of it steers the terminal", () =>
    Effect.gen(function* () {
      const stdin = Stream.make(TORRENT);
      const source = yield* readSource("-").pipe(Effect.provide(Stdio.layerTest({ stdin })));
      assert.strictEqual(
        page(source).replaceAll(/[0-9a-f]{40}/g, "HASH"),
        [
          "Name        a.bin",
          "Version     v1",
          "Info-hash   HASH (v1)",
          "Size        5 B (5 bytes)",
          "Pieces      1 of 16.0 KiB",
          "Private     no",
          "Comment     ?[2J",
          "Trackers    http://t/a",
          "Magnet      magnet:?xt=urn:btih:HASH&dn=a.bin&tr=http%3A%2F%2Ft%2Fa&xl=5",
          "Files       1",
          "  0        5 B  a.bin",
          "",
        ].join("\n"),
      );
      assert.deepInclude(data(source), { kind: "torrent", name: "a.bin", version: "v1", size: 5, private: false });
    }).pipe(Effect.provide(platform)),
  );

  it.effect(
    "shows files as a tree, folders with the size of what is in them, pads not at all, and both hashes of a hybrid",
    () =>
      Effect.gen(function* () {
        const root = new Uint8Array(32).fill(7);
        const info = encodeInfo({
          version: "hybrid",
          name: "album",
          layout: "multi",
          pieceLength: 16_384,
          pieces: new Uint8Array(3 * 20),
          private: false,
          files: [
            { path: ["a"], length: 10, executable: true, piecesRoot: root },
            { path: ["b", "c", "d"], length: 2000, executable: false, piecesRoot: root },
            { path: ["b", "e"], length: 0, executable: false, symlink: ["a"] },
            { path: ["f"], length: 1, executable: false, piecesRoot: root },
          ],
        });
        const stdin = Stream.make(encodeMetainfo(info, { trackers: [], webSeeds: [], pieceLayers: new Map() }));
        const source = yield* readSource("-").pipe(Effect.provide(Stdio.layerTest({ stdin })));
        const lines = page(source).split("\n");
        assert.deepStrictEqual(lines.slice(lines.indexOf("Files       4") + 1, -1), [
          "  0       10 B  a*",
          "       2.0 KiB  b/",
          "       2.0 KiB    c/",
          "  2    2.0 KiB      d",
          "  4        0 B    e -> a",
          "  5        1 B  f",
        ]);
        assert.match(page(source), /Info-hash {3}[0-9a-f]{40} \(v1\)\n {12}[0-9a-f]{64} \(v2\)\n/);
        assert.match(page(source), /magnet:\?xt=urn:btih:[0-9a-f]{40}&xt=urn:btmh:1220[0-9a-f]{64}&/);
        assert.match(page(source), /Size {8}2\.0 KiB \(2011 bytes\)/);
      }).pipe(Effect.provide(platform)),
  );

  it.effect("shows a magnet link", () =>
    Effect.gen(function* () {
      const word = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=x&x.pe=[::1]:5";
      const source = yield* readSource(word);
      assert.match(page(source), /^Name {8}x\nInfo-hash {3}0123456789abcdef0123456789abcdef01234567 \(v1\)\n/);
      assert.include(page(source), "Peers       [::1]:5\n");
      assert.deepInclude(data(source), { kind: "magnet", name: "x" });
    }).pipe(Effect.provide(platform)),
  );
});
