/** What a download is asked to do: the options of `download`, as plain data. Where the pipeline begins. */
import type * as NetAddress from "effect/net/NetAddress";
import type { Magnet } from "../schema/magnet.ts";
import type { Metainfo } from "../schema/metainfo.ts";
import type { EncryptionPolicy } from "./encryption.ts";
import type { HostPort } from "../schema/hostPort.ts";

/** What is to be fetched. */
export type TorrentSource =
  | { readonly _tag: "Metainfo"; readonly metainfo: Metainfo }
  | { readonly _tag: "Magnet"; readonly magnet: Magnet };

/** One pattern of `--select`: inclusive ranges of file indices (pads counted, BEP 53), or a glob on the path within the torrent. */
export type SelectPattern =
  | { readonly _tag: "Ranges"; readonly ranges: ReadonlyArray<readonly [first: number, last: number]> }
  | { readonly _tag: "Glob"; readonly glob: string };

/** One download. */
export interface DownloadRequest {
  readonly source: TorrentSource;
  /** The output as the user named it (docs/cli): absent for the torrent's own name in `folder`. */
  readonly out?: string;
  /** Absolute folder that relative paths start from. */
  readonly folder: string;
  /** Empty: all files (or what the magnet's `so` says). */
  readonly select: ReadonlyArray<SelectPattern>;
  readonly sequential: boolean;
  /** Hash what is on disk first, trust no record. */
  readonly check: boolean;
  /** Replace files that have nothing in common with the torrent. */
  readonly overwrite: boolean;
  /** TCP port to listen on; 0: any free one. */
  readonly port: number;
  /** Local address to listen on and dial from. */
  readonly bind?: NetAddress.IpAddress;
  /** Peers to try, whatever the trackers say. */
  readonly peers: ReadonlyArray<HostPort>;
  /** More trackers, each a tier of its own after the torrent's. */
  readonly trackers: ReadonlyArray<string>;
  /** Ask no tracker at all. */
  readonly noTrackers: boolean;
  /** Leave the DHT alone; a private torrent always does. */
  readonly noDht: boolean;
  readonly encryption: EncryptionPolicy;
  /** Neither speak of it in the local network nor listen there (BEP 14); for a private torrent nobody ever does. */
  readonly noLsd: boolean;
  /** Neither tell peers of others nor hear of any by them (BEP 11); a private torrent never does. */
  readonly noPex: boolean;
  /** Fetch nothing from the web seeds that the torrent or the magnet names (BEP 17, 19). */
  readonly noWebSeeds: boolean;
  readonly maxPeers: number;
  /** Keep sharing after completion, until interrupted or until one of the next two is reached. */
  readonly seed: boolean;
  /** Enough is sent: payload bytes of all runs as a multiple of the size. */
  readonly seedRatio?: number;
  /** Sharing has lasted long enough, in milliseconds. */
  readonly seedTime?: number;
  /** Share what is there and fetch nothing; `out` is the payload itself or the folder that holds it. With `seed`. */
  readonly shareOnly: boolean;
  /** Show what we have piece by piece, so that as few bytes as possible leave us twice (BEP 16). */
  readonly superSeed: boolean;
  /** Give up when no payload or metadata byte came for this many milliseconds. */
  readonly timeout?: number;
}

/** A request with every option at its default. */
export const request = (source: TorrentSource, folder: string): DownloadRequest => ({
  source,
  folder,
  select: [],
  sequential: false,
  check: false,
  overwrite: false,
  port: 0,
  peers: [],
  trackers: [],
  noTrackers: false,
  noDht: false,
  encryption: "allow",
  noLsd: false,
  noPex: false,
  noWebSeeds: false,
  maxPeers: 80,
  seed: false,
  shareOnly: false,
  superSeed: false,
});
