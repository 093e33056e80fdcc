/** A web seed as BEP 17 has it: whole pieces, or ranges of them, of one file. */
import { Effect, type Scope } from "effect";
import { createServer } from "node:http";

/** Serves pieces of `bytes` on an address until the scope ends; gives its URL and what it was asked. */
export const httpSeed = (
  bytes: Uint8Array,
  pieceLength: number,
  host = "127.0.0.1",
): Effect.Effect<{ readonly url: string; readonly asked: ReadonlyArray<string> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const asked: Array<string> = [];
    let isBusy = true;
    const server = createServer((request, response) => {
      const url = request.url ?? "";
      asked.push(url);
      if (isBusy) {
        isBusy = false;
        response.writeHead(503).end("1");
        return;
      }
      const index = Number(/[?&]piece=(\d+)/.exec(url)?.[1]);
      const piece = bytes.subarray(index * pieceLength, (index + 1) * pieceLength);
      const ranges = /[?&]ranges=([\d,-]+)/.exec(url)?.[1]?.split(",") ?? [`0-${piece.length - 1}`];
      response.end(
        Buffer.concat(
          ranges.map((range) => {
            const [from = 0, to = 0] = range.split("-").map(Number);
            return piece.subarray(from, to + 1);
          }),
        ),
      );
    });
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, host, () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void));
          server.closeAllConnections();
        }),
    );
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}/seed`, asked };
  });
