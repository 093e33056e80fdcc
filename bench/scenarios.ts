/** What is measured: which payload comes from how many peers, by whom, and how long it may take. */
import type { PayloadSpec } from "./payload.ts";

/** One thing to be measured. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly payload: PayloadSpec;
  readonly peers: number;
  readonly source: "torrent" | "magnet";
  /** The clients share the payload with one leecher instead of fetching it. */
  readonly seeding?: boolean;
  /** Clients by name; all when absent. */
  readonly clients?: ReadonlyArray<string>;
  /** Only when asked for by name. */
  readonly optional: boolean;
  readonly limitSeconds: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

const gibibyte: PayloadSpec = { name: "noise-1g", size: 1024 * mebibyte, pieceLength: mebibyte, repeat: 1 };
const quick: PayloadSpec = { name: "noise-64m", size: 64 * mebibyte, pieceLength: mebibyte, repeat: 1 };

/** The whole benchmark. */
export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "one-peer",
    title: "1 GiB from 1 peer",
    payload: gibibyte,
    peers: 1,
    source: "torrent",
    optional: false,
    limitSeconds: 120,
  },
  {
    name: "eight-peers",
    title: "1 GiB from 8 peers",
    payload: gibibyte,
    peers: 8,
    source: "torrent",
    optional: false,
    limitSeconds: 120,
  },
  {
    name: "tiny",
    title: "16 KiB, start to end",
    payload: { name: "noise-16k", size: 16 * kibibyte, pieceLength: 16 * kibibyte, repeat: 1 },
    peers: 1,
    source: "torrent",
    optional: false,
    limitSeconds: 30,
  },
  {
    name: "magnet",
    title: "64 MiB by magnet link",
    payload: quick,
    peers: 1,
    source: "magnet",
    optional: false,
    limitSeconds: 60,
  },
  {
    name: "seed",
    title: "1 GiB to 1 peer",
    payload: gibibyte,
    peers: 1,
    source: "torrent",
    seeding: true,
    clients: ["bt-effect", "webtorrent", "aria2", "libtorrent"],
    optional: false,
    limitSeconds: 120,
  },
  {
    name: "memory",
    title: "8 GiB from 1 peer",
    payload: { ...gibibyte, name: "noise-8g", repeat: 8 },
    peers: 1,
    source: "torrent",
    clients: ["bt-effect"],
    optional: true,
    limitSeconds: 300,
  },
];

/** For CI: that it all still runs, not how fast. */
export const quickScenarios: ReadonlyArray<Scenario> = [
  {
    name: "quick",
    title: "64 MiB from 4 peers",
    payload: quick,
    peers: 4,
    source: "torrent",
    clients: ["bt-effect", "floor"],
    optional: false,
    limitSeconds: 60,
  },
];
