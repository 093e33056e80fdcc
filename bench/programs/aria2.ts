/** aria2c. */
import { type Client, firstLine, type Job } from "./program.ts";

const quiet = [
  "--no-conf",
  "--quiet=true",
  "--follow-torrent=mem",
  "--file-allocation=none",
  "--disk-cache=64M",
  "--summary-interval=0",
  "--async-dns=false",
  "--disable-ipv6=true",
  "--enable-dht=false",
  "--enable-dht6=false",
  "--bt-enable-lpd=false",
  "--enable-peer-exchange=false",
  "--bt-max-peers=200",
  "--bt-max-open-files=2500",
] as const;

const common = ({ folder, home, port, wire }: Job, ...args: ReadonlyArray<string>) => ({
  file: "aria2c",
  args: [
    ...quiet,
    `--bt-require-crypto=${wire === "rc4"}`,
    `--bt-min-crypto-level=${wire === "rc4" ? "arc4" : "plain"}`,
    `--dir=${folder}`,
    `--listen-port=${port}`,
    ...args,
  ],
  env: { HOME: home },
});

/** aria2 ends by itself; it loses some seconds to fixed waits at both ends. */
export const aria2: Client = {
  name: "aria2",
  magnets: true,
  version: () => firstLine("aria2c", "--version"),
  fetch: (job) => common(job, "--seed-time=0", job.source),
  check: (job) => common(job, "--seed-time=0", "--check-integrity=true", job.source),
  seed: (job) => common(job, "--seed-ratio=0.0", "--check-integrity=true", job.source),
};
