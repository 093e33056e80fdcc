import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { NetAddress } from "effect/net";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { machine } from "../../../src/services/PortMapping/machine.ts";

/** A device on loopback; gives its URL. */
const device = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: URL; readonly close: () => void }>((resume) => {
      const server = createServer(answer).listen(0, "127.0.0.1", () => {
        const bound = server.address();
        const port = typeof bound === "object" && bound !== null ? bound.port : 0;
        const close = () => {
          server.closeAllConnections();
          server.close();
        };
        resume(Effect.succeed({ url: new URL(`http://127.0.0.1:${port}/x`), close }));
      });
    }),
    ({ close }) => Effect.sync(close),
  ).pipe(Effect.map(({ url }) => url));

describe("machine", () => {
  it.live("fetches, and tells our own address", () =>
    Effect.gen(function* () {
      const url = yield* device((request, response) => response.end(`${request.method} ${request.url}`));
      assert.deepStrictEqual(yield* machine.exchange({ url }), {
        text: "GET /x",
        own: NetAddress.ipFromStringUnsafe("127.0.0.1"),
      });
    }),
  );

  it.live("calls, and gives what is said whatever the status", () =>
    Effect.gen(function* () {
      const url = yield* device((request, response) => {
        let body = "";
        request.on("data", (part) => (body += String(part)));
        request.on("end", () => {
          response.statusCode = 500;
          response.end(
            `${request.method} ${String(request.headers.soapaction)} ${request.headers["content-type"]} ${body}`,
          );
        });
      });
      const { text } = yield* machine.exchange({ url, call: { action: '"urn:x#Do"', body: "<a/>" } });
      assert.strictEqual(text, 'POST "urn:x#Do" text/xml; charset="utf-8" <a/>');
    }),
  );

  it.live("follows no redirect", () =>
    Effect.gen(function* () {
      const url = yield* device((_request, response) =>
        response.writeHead(302, { location: "/elsewhere" }).end("moved"),
      );
      assert.strictEqual((yield* machine.exchange({ url })).text, "moved");
    }),
  );

  it.live("reads no endless answer", () =>
    Effect.gen(function* () {
      const url = yield* device((_request, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write("x".repeat(16_384)));
        };
        response.on("drain", more);
        more();
      });
      assert.deepInclude(yield* Effect.flip(machine.exchange({ url })), { _tag: "TooLarge" });
    }),
  );

  it.live("fails where nobody listens", () =>
    Effect.gen(function* () {
      const url = yield* Effect.scoped(device(() => {}));
      assert.deepInclude(yield* Effect.flip(machine.exchange({ url })), { _tag: "Unreachable" });
    }),
  );
});
