/** qBittorrent without its window, steered by its settings and asked by its web interface. */
import { join } from "node:path";
import { type Client, firstLine, type Job } from "./program.ts";

const settings = ({ folder, port, controlPort, hook }: Job): string => `[AutoRun]
enabled=true
program=${hook}
[BitTorrent]
Session\\Port=${port}
Session\\DefaultSavePath=${folder}
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Encryption=2
Session\\BTProtocol=TCP
Session\\MultiConnectionsPerIp=true
Session\\MaxConnections=500
Session\\MaxConnectionsPerTorrent=200
Session\\MaxUploads=-1
Session\\MaxUploadsPerTorrent=-1
Session\\QueueingSystemEnabled=false
Session\\AsyncIOThreadsCount=4
Session\\HashingThreadsCount=2
Session\\SendBufferWatermark=4096
Session\\SendBufferLowWatermark=512
Session\\SendBufferWatermarkFactor=150
Session\\DiskQueueSize=67108864
Session\\RequestQueueSize=2000
[LegalNotice]
Accepted=true
[Preferences]
General\\Locale=en
WebUI\\Port=${controlPort}
WebUI\\Address=127.0.0.1
WebUI\\LocalHostAuth=false
WebUI\\UseUPnP=false
WebUI\\HostHeaderValidation=false
WebUI\\CSRFProtection=false
`;

const common = (job: Job, ...args: ReadonlyArray<string>) => ({
  file: "qbittorrent-nox",
  args: [`--profile=${job.home}`, `--save-path=${job.folder}`, "--skip-dialog=true", ...args, job.source],
  env: { HOME: job.home },
  files: { [join(job.home, "qBittorrent/config/qBittorrent.conf")]: settings(job) },
});

const shares = async (controlPort: number): Promise<boolean> => {
  try {
    const answer = await fetch(`http://127.0.0.1:${controlPort}/api/v2/torrents/info`);
    // Its interface is documented so.
    const torrents = (await answer.json()) as ReadonlyArray<{ readonly state: string }>;
    return torrents.some(({ state }) => ["uploading", "stalledUP", "forcedUP"].includes(state));
  } catch {
    // Not yet listening.
    return false;
  }
};

/** qBittorrent runs a command at completion, about a second late, and stays. */
export const qBittorrent: Client = {
  name: "qBittorrent",
  magnets: true,
  version: () => firstLine("qbittorrent-nox", "--version"),
  fetch: (job) => ({ ...common(job), done: "hook" }),
  // What is complete when it is added runs no command.
  check: (job) => ({ ...common(job), done: () => shares(job.controlPort) }),
  seed: (job) => common(job, "--skip-hash-check"),
};
