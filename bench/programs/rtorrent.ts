/** rtorrent without its terminal. */
import { join } from "node:path";
import { type Client, firstLine, type Job } from "./program.ts";

const settings = ({ source, folder, home, port, hook }: Job, event: string): string =>
  [
    `directory.default.set = ${folder}`,
    `session.path.set = ${home}`,
    `network.port_range.set = ${port}-${port}`,
    "network.port_random.set = no",
    "system.daemon.set = true",
    "dht.mode.set = off",
    "protocol.pex.set = no",
    "protocol.encryption.set = none",
    "throttle.max_uploads.set = 100",
    "throttle.max_uploads.global.set = 500",
    "throttle.max_peers.normal.set = 200",
    "pieces.hash.on_completion.set = no",
    "pieces.memory.max.set = 4096M",
    "pieces.preload.type.set = 0",
    "system.file.allocate.set = 0",
    "network.max_open_files.set = 4096",
    `method.set_key = ${event}, bench, "execute2 = ${hook}"`,
    // A comma would end the argument: what is loaded has none, a magnet link's are escaped.
    `schedule2 = bench, 0, 0, "load.start = ${source}"`,
    "",
  ].join("\n");

const common = (job: Job, event: string) => {
  const file = join(job.home, "rtorrent.rc");
  return {
    file: "rtorrent",
    args: ["-n", "-o", `import=${file}`],
    env: { HOME: job.home },
    files: { [file]: settings(job, event) },
    done: "hook" as const,
  };
};

/** rtorrent runs a command at completion and stays. */
export const rtorrent: Client = {
  name: "rtorrent",
  magnets: true,
  version: () => {
    const said = firstLine("rtorrent", "-h");
    return `rtorrent ${/version ([\d.]+\d)/.exec(said)?.[1] ?? said}`;
  },
  fetch: (job) => common(job, "event.download.finished"),
  check: (job) => common(job, "event.download.hash_done"),
  seed: (job) => common(job, "event.download.hash_done"),
};
