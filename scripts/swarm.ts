/** A small world on loopback: a generated payload, peers that share it and a tracker that names them, all in this process. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quietEnvironment } from "../bench/programs/btEffect.ts";
import { makePayload, torrentFile, type Payload } from "../bench/payload.ts";
import { startSeeder } from "../bench/seeder.ts";
import { startTracker } from "../bench/tracker.ts";

const mebibyte = 1024 * 1024;

/** What is there while `use` runs. */
export interface SmallSwarm {
  readonly payload: Payload;
  readonly torrent: string;
  /** An empty folder for what is downloaded. */
  readonly folder: string;
  /** Runs Node on a file, in this terminal; gives its exit status. The program keeps its state beside the folder. */
  readonly node: (...args: ReadonlyArray<string>) => Promise<number>;
}

/** Starts the small world in a temporary folder, runs `use` in it, and takes everything away again. */
export const withSwarm = async <A>(
  options: { readonly mebibytes: number; readonly peers: number; readonly bytesPerSecond?: number },
  use: (swarm: SmallSwarm) => Promise<A>,
): Promise<A> => {
  const root = mkdtempSync(join(tmpdir(), "bt-effect-"));
  try {
    const size = options.mebibytes * mebibyte;
    const payload = makePayload(join(root, "seeder"), { name: "demo", size, pieceLength: mebibyte / 4, repeat: 1 });
    const seeder = await startSeeder({
      ...payload,
      blob: readFileSync(payload.blob),
      addresses: Array.from({ length: options.peers }, (_, nth) => `127.0.0.${nth + 1}`),
      ...(options.bytesPerSecond !== undefined && { rate: options.bytesPerSecond / options.peers }),
    });
    const tracker = await startTracker(seeder.peers);
    try {
      const torrent = join(root, "demo.torrent");
      writeFileSync(torrent, torrentFile(payload, tracker.url));
      const folder = join(root, "downloads");
      mkdirSync(folder);
      const env = {
        ...process.env,
        ...quietEnvironment,
        XDG_STATE_HOME: join(root, "state"),
        XDG_CONFIG_HOME: join(root, "config"),
      };
      const node = (...args: ReadonlyArray<string>): Promise<number> =>
        new Promise((resolve, reject) => {
          const child = spawn(process.execPath, args, { stdio: "inherit", env });
          child.once("error", reject);
          child.once("exit", (status) => resolve(status ?? 1));
        });
      return await use({ payload, torrent, folder, node });
    } finally {
      tracker.close();
      seeder.close();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};
