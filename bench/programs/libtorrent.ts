/** libtorrent-rasterbar by its Python binding, set for fast local transfers. */
import { join } from "node:path";
import { type Client, type Command, firstLine, type Job } from "./program.ts";

const here = import.meta.dirname;
/** Debian's own Python: the one that python3-libtorrent is for. Started with -B, which leaves no compiled files beside ours. */
const python = "/usr/bin/python3";

const fetch = ({ source, folder, host, wire }: Job) => ({
  file: python,
  args: ["-B", join(here, "leech_libtorrent.py"), source, folder, host, wire],
});

/** libtorrent as a seeder that prints its port when it listens and has looked for its files. */
export const seedLibtorrent = (job: Pick<Job, "source" | "folder" | "host" | "port" | "wire">): Command => ({
  file: python,
  args: ["-B", join(here, "seed_libtorrent.py"), job.source, job.folder, job.host, String(job.port), job.wire],
});

/** libtorrent as a leecher of the one peer that listens at `peer` and the job's port. */
export const leechLibtorrent = (job: Job, peer: string): Command => {
  const { file, args } = fetch(job);
  return { file, args: [...args, `${peer}:${job.port}`] };
};

/** The library that qBittorrent and others are made of. */
export const libtorrent: Client = {
  name: "libtorrent",
  magnets: true,
  version: () => `libtorrent ${firstLine(python, "-c", "import libtorrent; print(libtorrent.__version__)")}`,
  fetch,
  check: fetch,
  seed: seedLibtorrent,
};
