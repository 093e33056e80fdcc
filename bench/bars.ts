/** The bars that the project set itself, each with what was measured. */
import type { Row } from "./report.ts";

/** One bar. */
export interface Bar {
  readonly what: string;
  readonly bound: string;
  /** NaN where a row of it is missing. */
  readonly measured: number;
  /** Nothing where it was not measured. */
  readonly holds: boolean | undefined;
}

const ours = "bt-effect";

/** What is no row: the time of `--version` to that of a bare Node, MiB that 200 idle peers take, and CPU seconds of the bare RC4 loop per GiB. */
export interface Others {
  readonly startup: number;
  readonly idle: number;
  readonly cipher: number;
}

/** What is compared with what. */
export const bars = (rows: ReadonlyArray<Row>, { startup, idle, cipher }: Others): ReadonlyArray<Bar> => {
  const good = rows.filter(({ failure }) => failure === undefined);
  const value = (scenario: string, client: string, of: (row: Row) => number): number => {
    const row = good.find((one) => one.scenario === scenario && one.client === client);
    return row === undefined ? NaN : of(row);
  };
  const wall = (scenario: string, client = ours): number => value(scenario, client, (row) => row.wallSeconds);
  const cpu = (scenario: string, client = ours): number => value(scenario, client, (row) => row.cpuSecondsPerGiB);
  const anon = (scenario: string): number => value(scenario, ours, (row) => row.peakAnonMiB);
  /** The least of all other clients. */
  const best = (scenario: string, of: (row: Row) => number): number => {
    const others = good.filter(
      ({ client, ...row }) => row.scenario === scenario && client !== ours && client !== "floor",
    );
    return others.length === 0 ? NaN : Math.min(...others.map(of));
  };
  const atMost = (bound: number, what: string, measured: number): Bar => ({
    what,
    bound: `≤ ${bound}`,
    measured,
    holds: Number.isFinite(measured) ? measured <= bound : undefined,
  });
  const atLeast = (bound: number, what: string, measured: number): Bar => ({
    what,
    bound: `≥ ${bound}`,
    measured,
    holds: Number.isFinite(measured) ? measured >= bound : undefined,
  });
  return [
    // Against the clients of the field.
    atMost(0.85, "1 peer: wall to libtorrent's", wall("one-peer") / wall("one-peer", "libtorrent")),
    atMost(1.1, "1 peer: CPU to the floor's", cpu("one-peer") / cpu("one-peer", "floor")),
    atMost(120, "1 peer: peak anonymous MiB", anon("one-peer")),
    atLeast(0.9, "v2: throughput to v1's", wall("one-peer") / wall("v2")),
    atMost(0.8, "8 peers: wall to libtorrent's", wall("eight-peers") / wall("eight-peers", "libtorrent")),
    atMost(1.25, "50 peers: wall to that with 8", wall("fifty-peers") / wall("eight-peers")),
    atMost(1.25, "200 peers: wall to that with 8", wall("two-hundred-peers") / wall("eight-peers")),
    atMost(1, "2,000 files: wall to libtorrent's", wall("many-files") / wall("many-files", "libtorrent")),
    atLeast(1.1, "seeding: throughput to the best", best("seed", (row) => row.wallSeconds) / wall("seed")),
    atMost(0.5, "seeding: CPU to the best", cpu("seed") / best("seed", (row) => row.cpuSecondsPerGiB)),
    atMost(
      1,
      "seeding to libtorrent: CPU to rtorrent's",
      cpu("seed-to-libtorrent") / cpu("seed-to-libtorrent", "rtorrent"),
    ),
    atMost(2, "magnet: wall to libtorrent's", wall("magnet") / wall("magnet", "libtorrent")),
    atMost(2.5, "16 KiB: wall to libtorrent's", wall("tiny") / wall("tiny", "libtorrent")),
    atMost(0.7, "re-check: wall to transmission's", wall("re-check") / wall("re-check", "transmission")),
    atMost(1, "long line: wall to libtorrent's", wall("long-line") / wall("long-line", "libtorrent")),
    atLeast(
      0.9,
      "long line: share of it after 2 s",
      value("long-line", ours, (row) => row.lineShare),
    ),
    atMost(1, "lossy line: wall to libtorrent's", wall("lossy-line") / wall("lossy-line", "libtorrent")),
    atMost(1, "uTP, lossy line: wall to libtorrent's", wall("utp-line") / wall("utp-line", "libtorrent")),
    atMost(1, "RC4: CPU to libtorrent's", cpu("encrypted") / cpu("encrypted", "libtorrent")),
    atMost(
      1.1,
      "RC4: CPU more than plain to the bare loop",
      (cpu("encrypted") - cpu("encrypted", "bt-effect-plain")) / cipher,
    ),
    // Against webtorrent, from the first days.
    atLeast(2, "1 peer: speed to webtorrent's", wall("one-peer", "webtorrent") / wall("one-peer")),
    atLeast(4, "8 peers: speed to webtorrent's", wall("eight-peers", "webtorrent") / wall("eight-peers")),
    atMost(0.5, "1 peer: CPU to webtorrent's", cpu("one-peer") / cpu("one-peer", "webtorrent")),
    atMost(1, "16 KiB: wall to webtorrent's", wall("tiny") / wall("tiny", "webtorrent")),
    atLeast(2, "seeding: speed to webtorrent's", wall("seed", "webtorrent") / wall("seed")),
    atMost(0.5, "seeding: CPU to webtorrent's", cpu("seed") / cpu("seed", "webtorrent")),
    // What loading and compiling the program costs is a smaller part of it.
    atMost(1.1, "8 GiB: CPU to the floor's", cpu("memory") / cpu("memory", "floor")),
    atMost(1.1, "8 GiB: peak memory to that of 1 GiB", anon("memory") / anon("one-peer")),
    atMost(40, "200 idle peers: MiB more than with one", idle),
    atMost(4, "--version to a bare Node", startup),
  ];
};

/** Those that were measured as a markdown table; with `all` the others too, as gaps. */
export const barTable = (found: ReadonlyArray<Bar>, all: boolean): string | undefined => {
  const shown = found.filter(({ holds }) => all || holds !== undefined);
  if (shown.length === 0) return undefined;
  return [
    "### Bars",
    "",
    "| bar | bound | measured | |",
    "| --- | ---: | ---: | --- |",
    ...shown.map(({ what, bound, measured, holds }) => {
      const verdict = holds === undefined ? "not measured" : holds ? "holds" : "MISSED";
      return `| ${what} | ${bound} | ${holds === undefined ? "–" : measured.toFixed(2)} | ${verdict} |`;
    }),
  ].join("\n");
};
