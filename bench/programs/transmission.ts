/** transmission-daemon in the foreground, steered by RPC. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, firstLine, type Job } from "./program.ts";

const settings = ({ folder, port, controlPort, hook }: Job): string =>
  JSON.stringify({
    "cache-size-mb": 64,
    "dht-enabled": false,
    "download-dir": folder,
    "download-queue-enabled": false,
    encryption: 0,
    "lpd-enabled": false,
    "message-level": 1,
    "peer-congestion-algorithm": "",
    "peer-limit-global": 500,
    "peer-limit-per-torrent": 200,
    "peer-port": port,
    "pex-enabled": false,
    "port-forwarding-enabled": false,
    preallocation: 0,
    "rename-partial-files": false,
    "rpc-bind-address": "127.0.0.1",
    "rpc-host-whitelist-enabled": false,
    "rpc-port": controlPort,
    "scrape-paused-torrents-enabled": false,
    "script-torrent-done-enabled": true,
    "script-torrent-done-filename": hook,
    "upload-slots-per-torrent": 50,
    "utp-enabled": false,
  });

const call = async (port: number, request: unknown): Promise<unknown> => {
  const url = `http://127.0.0.1:${port}/transmission/rpc`;
  const body = JSON.stringify(request);
  const refused = await fetch(url, { method: "POST", body });
  const session = refused.headers.get("x-transmission-session-id") ?? "";
  const answer = await fetch(url, { method: "POST", body, headers: { "x-transmission-session-id": session } });
  return answer.json();
};

const add = async ({ source, folder, controlPort }: Job): Promise<void> => {
  const what = source.startsWith("magnet:")
    ? { filename: source }
    : { metainfo: readFileSync(source).toString("base64") };
  const request = { method: "torrent-add", arguments: { ...what, "download-dir": folder } };
  for (let attempt = 0; ; attempt++) {
    try {
      await call(controlPort, request);
      return;
    } catch (cause) {
      // It takes a moment to listen.
      if (attempt === 1000) throw new Error("its RPC never answered", { cause });
      await pause(5);
    }
  }
};

/** 6 is "seeding". */
const shares = async (controlPort: number): Promise<boolean> => {
  // Its RPC is documented so.
  const { arguments: found } = (await call(controlPort, {
    method: "torrent-get",
    arguments: { fields: ["status"] },
  })) as { readonly arguments: { readonly torrents: ReadonlyArray<{ readonly status: number }> } };
  return found.torrents[0]?.status === 6;
};

const common = (job: Job) => ({
  file: "transmission-daemon",
  args: ["--foreground", "--config-dir", job.home],
  env: { HOME: job.home },
  files: { [join(job.home, "settings.json")]: settings(job) },
  begin: () => add(job),
});

/** transmission waits some seconds before its first request, and between rounds of requests. */
export const transmission: Client = {
  name: "transmission",
  magnets: true,
  loopback: "it takes no peers of 127.0.0.0/8 from a tracker",
  version: () => firstLine("transmission-daemon", "--version"),
  fetch: (job) => ({ ...common(job), done: "hook" }),
  check: (job) => ({ ...common(job), done: () => shares(job.controlPort) }),
  seed: common,
};
