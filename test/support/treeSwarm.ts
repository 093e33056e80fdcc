/** Clients of the in-memory network and torrents of many files (trees.ts): theirs on disk, shared, and whole after a download. */
import { assert } from "@effect/vitest";
import { Effect } from "effect";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { type Client, type ClientOptions, makeClient, requestOf, watch } from "./swarm.ts";
import type { TreeFixture } from "./trees.ts";

const pathOf = ({ metainfo }: TreeFixture, name: string): string => `/d/${metainfo.info.name}/${name}`;

/** Writes the files of a fixture to a client's disk. */
export const putTree = (client: Client, fixture: TreeFixture) =>
  Effect.forEach(fixture.content, ([name, bytes]) => client.disk.put(pathOf(fixture, name), bytes), { discard: true });

/** Fails unless a client has all files of a fixture as they are to be. */
export const assertTree = (client: Client, fixture: TreeFixture) =>
  Effect.forEach(fixture.content, ([name, bytes]) =>
    Effect.map(client.disk.get(pathOf(fixture, name)), (found) => assert.deepStrictEqual(found, bytes, name)),
  );

/** A client that has all of the fixture and shares it on port 6881 as long as the test. */
export const makeTreeSeed = (fixture: TreeFixture, options: ClientOptions, change: Partial<DownloadRequest> = {}) =>
  Effect.gen(function* () {
    const client = yield* makeClient(options);
    yield* putTree(client, fixture);
    return yield* watch(client, requestOf(fixture, { seed: true, port: 6881, ...change }));
  });
