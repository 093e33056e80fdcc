import { assert, describe, it } from "@effect/vitest";
import { Effect, type Scope } from "effect";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { EncryptionPolicy } from "../../src/streams/encryption.ts";
import { aria2Leecher, aria2Seeder } from "../support/clients/aria2.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload, type Payload } from "../support/clients/payload.ts";
import { freePort } from "../support/clients/ports.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";
import type { Seeder } from "../support/clients/seeder.ts";
import { recordingTracker } from "../support/clients/tracker.ts";
import { transmissionLeecher, transmissionSeeder } from "../support/clients/transmission.ts";

const makeOne = (trackers: ReadonlyArray<string> = []) =>
  Effect.flatMap(emptyFolder, (folder) =>
    makePayload({ folder, name: "veiled.bin", pieceLength: 65_536, content: 3_000_001, trackers }),
  );

const flags = (encryption: EncryptionPolicy, port = 0) =>
  ["--encryption", encryption, "--port", String(port), "--bind", "127.0.0.1", "--json"] as const;

/** We dial a client that has everything. */
const fetches = (encryption: EncryptionPolicy, seed: (payload: Payload) => Effect.Effect<Seeder, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const payload = yield* makeOne();
    const { address } = yield* seed(payload);
    const home = yield* makeHome;
    const args = [payload.torrent, "--peer", address, "--timeout", "30s", ...flags(encryption)];
    const { status, stderr } = yield* runProgram(home, args);
    assert.strictEqual(stderr, "");
    assert.strictEqual(status, 0);
    assertSame(payload, home.out(payload.name));
  });

/** We dial a client that will not have us: all that is tried with it is one failure. */
const fetchesNothing = (
  encryption: EncryptionPolicy,
  seed: (payload: Payload) => Effect.Effect<Seeder, never, Scope.Scope>,
) =>
  Effect.gen(function* () {
    const payload = yield* makeOne();
    const { address } = yield* seed(payload);
    const running = yield* btEffect(yield* makeHome, [payload.torrent, "--peer", address, ...flags(encryption)]);
    const { state } = yield* running.until(() => eventsOfType(running.stdout(), "peer")[0]);
    assert.strictEqual(state, "failed");
  });

/** We have everything, and a client dials us; `leech` fetches into a folder. */
const sharesWith = (
  encryption: EncryptionPolicy,
  leech: (payload: Payload, folder: string, address: string) => Effect.Effect<void, never, Scope.Scope>,
) =>
  Effect.gen(function* () {
    const port = yield* freePort;
    const address = `127.0.0.1:${port}`;
    const tracker = yield* recordingTracker({ peers: [address] });
    const payload = yield* makeOne([tracker.url]);
    const args = ["seed", payload.torrent, join(payload.folder, payload.name), "--no-trackers"];
    const running = yield* btEffect(yield* makeHome, [...args, ...flags(encryption, port)]);
    yield* running.until(() => eventsOfType(running.stdout(), "complete")[0]);
    const folder = join(yield* emptyFolder, "out");
    mkdirSync(folder);
    yield* leech(payload, folder, address);
    assertSame(payload, join(folder, payload.name));
  });

/** `pe_settings` of libtorrent. */
const FORCED = { in_enc_policy: 0, out_enc_policy: 0 };
/** It begins plain and turns to encryption when it dials again. */
const ENABLED = { in_enc_policy: 1, out_enc_policy: 1, min_reconnect_time: 1 };
const LEVELS = { plaintext: 1, rc4: 2, both: 3 };

describeClients("encryption with libtorrent", ["python3-libtorrent"], () => {
  const seeder = (settings: Readonly<Record<string, unknown>>) => (payload: Payload) =>
    libtorrentSeeder(payload, { settings });
  const leecher =
    (settings: Readonly<Record<string, unknown>>) => (payload: Payload, folder: string, address: string) =>
      Effect.flatMap(
        libtorrent({ mode: "leech", source: payload.torrent, folder, peers: [address], settings }),
        ({ finished }) => finished,
      );

  describe.concurrent("that has everything and forces it", () => {
    for (const [encryption, level] of [
      ["allow", "rc4"],
      ["allow", "plaintext"],
      ["allow", "both"],
      ["prefer", "rc4"],
      ["prefer", "both"],
      ["require", "rc4"],
      ["require", "both"],
    ] as const)
      it.live(`is dialled with --encryption ${encryption} at the level ${level}`, () =>
        fetches(encryption, seeder({ ...FORCED, allowed_enc_level: LEVELS[level] })),
      );
    it.live("is not reached where none is to be used, nor where RC4 is required and it takes plain headers only", () =>
      Effect.all(
        [
          fetchesNothing("off", seeder({ ...FORCED, allowed_enc_level: LEVELS.both })),
          fetchesNothing("require", seeder({ ...FORCED, allowed_enc_level: LEVELS.plaintext })),
        ],
        { concurrency: 2 },
      ),
    );
  });

  describe.concurrent("that knows none", () => {
    const none = { in_enc_policy: 2, out_enc_policy: 2 };
    for (const encryption of ["allow", "prefer", "off"] as const)
      it.live(`is dialled with --encryption ${encryption}`, () => fetches(encryption, seeder(none)));
    it.live("is not reached with --encryption require", () => fetchesNothing("require", seeder(none)));
  });

  describe.concurrent("that dials us", () => {
    for (const [encryption, level] of [
      ["allow", "rc4"],
      ["allow", "plaintext"],
      ["allow", "both"],
      ["prefer", "plaintext"],
      ["prefer", "both"],
      ["require", "both"],
    ] as const)
      it.live(`and forces the level ${level} is served with --encryption ${encryption}`, () =>
        sharesWith(encryption, leecher({ ...FORCED, allowed_enc_level: LEVELS[level] })),
      );
    it.live("is served with --encryption require when it begins plain and can do more", () =>
      sharesWith("require", leecher({ ...ENABLED, allowed_enc_level: LEVELS.both })),
    );
  });
});

describeClients("encryption with aria2", ["aria2c"], () => {
  const required = ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"];
  describe.concurrent("that requires it", () => {
    for (const encryption of ["allow", "prefer", "require"] as const)
      it.live(`is dialled with --encryption ${encryption}`, () =>
        fetches(encryption, (payload) => aria2Seeder(payload, required)),
      );
    for (const encryption of ["allow", "require"] as const)
      it.live(`dials us and is served with --encryption ${encryption}`, () =>
        sharesWith(encryption, (payload, folder) =>
          Effect.gen(function* () {
            const running = yield* aria2Leecher(payload.torrent, folder, required);
            assert.strictEqual((yield* running.ended).status, 0);
          }),
        ),
      );
  });
});

describeClients("encryption with transmission", ["transmission-daemon"], () => {
  /** "required", by its number. */
  const required = { encryption: 2 };
  describe.concurrent("that requires it", () => {
    for (const encryption of ["allow", "prefer", "require"] as const)
      it.live(`is dialled with --encryption ${encryption}`, () =>
        fetches(encryption, (payload) => transmissionSeeder(payload, required)),
      );
    for (const encryption of ["allow", "require"] as const)
      it.live(`is dialled and served with --encryption ${encryption}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne();
          const folder = yield* emptyFolder;
          const leecher = yield* transmissionLeecher(payload.torrent, folder, required);
          const args = ["seed", payload.torrent, join(payload.folder, payload.name), "--peer", leecher.address];
          yield* btEffect(yield* makeHome, [...args, ...flags(encryption)]);
          yield* leecher.finished;
          assertSame(payload, join(folder, payload.name));
        }),
      );
  });
});
