/**
 * Why a download is slow or stuck: from what can be seen to a ranked list of causes, each with its evidence. Pure; what is seen is collected
 * in streams/explaining.ts.
 */
import type { Phase } from "./events.ts";

/** One tracker as it stands. Times are milliseconds of one clock. */
export interface TrackerView {
  readonly url: string;
  readonly state: "announcing" | "ok" | "failed";
  /** It has not answered since, though it may be asked again just now; why it failed last. */
  readonly failing?: { readonly since: number; readonly message: string };
  /** When it is asked again, or may be while we are short of peers. */
  readonly next?: number;
  /** Peers that it named last. */
  readonly peers?: number;
}

/** One connected peer as it stands. */
export interface PeerView {
  /** It chokes us. */
  readonly choking: boolean;
  /** It has something that we want. */
  readonly wanted: boolean;
  /** We asked, and nothing came for long. */
  readonly snubbed: boolean;
}

/** Everything that the causes are read from. Times are milliseconds of one clock, rates bytes per second. */
export interface Situation {
  readonly now: number;
  readonly phase: Phase;
  readonly downloadRate: number;
  readonly peers: ReadonlyArray<PeerView>;
  /** Addresses known, connected or not. */
  readonly known: number;
  /** Dials that failed since the last one that did not, by the reason given. */
  readonly unreachable: ReadonlyMap<string, number>;
  readonly trackers: ReadonlyArray<TrackerView>;
  /** Other sources that were asked, as words ("the DHT (12 nodes)"). */
  readonly otherSources: ReadonlyArray<string>;
  /** Behind a proxy that relays no UDP any more: since when, and why. */
  readonly relayLost?: { readonly proxy: string; readonly since: number; readonly why: string } | undefined;
  /** The port that we listen on; absent when none could be had. */
  readonly port: number | undefined;
  /** All goes through a proxy, which passes no connection on to us. */
  readonly behindProxy: boolean;
  /** Peers that came to us by themselves. */
  readonly incoming: number;
  /** How long the session has run. */
  readonly running: number;
  /** What waits to be written: how many pieces or runs of pieces, and for how many milliseconds there was always one. */
  readonly disk: { readonly waiting: number; readonly behind: number };
  /** Limit on the download rate; absent when there is none. */
  readonly limit: number | undefined;
  /** Connections at the most. */
  readonly maxPeers: number;
  /** Peers that offer the metadata, and bytes of it that have arrived. */
  readonly metadata: { readonly offers: number; readonly done: number; readonly total: number };
  /** Pieces that cannot be checked before their hashes are there (v2), and peers that may be asked for them. */
  readonly hashes: { readonly missing: number; readonly askable: number };
  /** Copies of the rarest missing piece among the connected peers. */
  readonly rarest: number;
}

/** One cause. */
export interface Cause {
  /** Stable, for machines: `no-peers`, `all-choking` … */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
  readonly evidence: Readonly<Record<string, string | number>>;
}

/** Bytes per second below which a download counts as stuck. */
const STUCK = 1024;
/** Of the limit, above which it is the limit that holds the download back. */
const AT_LIMIT = 0.9;
/** A disk that has had something to write for so many milliseconds, without a pause, is what holds the download back. */
const DISK_BEHIND = 2_000;
/** How long nobody may have reached us before the port is suspected, in milliseconds. */
const UNREACHED_AFTER = 120_000;

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

const seconds = (millis: number): string => {
  const s = Math.max(0, Math.round(millis / 1000));
  return s < 120 ? `${s} s` : s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
};

const hostOf = (url: string): string => /^[a-z]+:\/\/(?:[^@/]*@)?([^/?#]+)/i.exec(url)?.[1] ?? url;

/** When the first tracker is asked again; nothing while one is being asked, or none ever will be. */
const nextTry = ({ trackers, now }: Situation): number | undefined => {
  const next = Math.min(...trackers.map((tracker) => tracker.next ?? Number.POSITIVE_INFINITY));
  const asking = trackers.some(({ state }) => state === "announcing");
  return asking || !Number.isFinite(next) ? undefined : next - now;
};

/** Who was asked for peers, and when they are asked again. */
const sources = (situation: Situation): string => {
  const { trackers, otherSources } = situation;
  const asking = trackers.filter(({ state }) => state === "announcing").length;
  const next = nextTry(situation);
  const words = [
    ...(asking > 0 ? [`asking ${plural(asking, "tracker")}`] : []),
    ...(asking === 0 && trackers.length > 0 ? [`${plural(trackers.length, "tracker")} asked`] : []),
    ...otherSources.map((source) => `asking ${source}`),
    ...(next !== undefined ? [`next try in ${seconds(next)}`] : []),
  ];
  return words.length === 0 ? "nobody to ask" : words.join(", ");
};

const trackerCause = (situation: Situation): Cause | undefined => {
  const { now, trackers } = situation;
  const failed = trackers.flatMap(({ failing, url }) => (failing === undefined ? [] : [{ url, ...failing }]));
  const first = failed[0];
  if (first === undefined || failed.length < trackers.length) return undefined;
  const since = now - Math.min(...failed.map((tracker) => tracker.since));
  const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  const next = nextTry(situation);
  const again = next === undefined ? "" : `, next try in ${seconds(next)}`;
  // A tracker's own words may end as a sentence.
  const why = first.message.replace(`${first.url}: `, "").replace(/\.$/, "");
  return {
    code: "trackers-failing",
    message: `no tracker works: ${hostOf(first.url)}: ${why}${others}, for ${seconds(since)}${again}`,
    evidence: {
      failed: failed.length,
      url: first.url,
      message: why,
      sinceSeconds: Math.round(since / 1000),
      ...(next !== undefined && { nextSeconds: Math.max(0, Math.round(next / 1000)) }),
    },
  };
};

/** What the trackers, the DHT and uTP suffer from alike stands before what is said of each of them. */
const relayLost = ({ now, relayLost: lost }: Situation): ReadonlyArray<Cause> =>
  lost === undefined
    ? []
    : [
        {
          code: "relay-lost",
          message: `the proxy relays no UDP for ${seconds(now - lost.since)}: ${lost.why}`,
          evidence: { proxy: lost.proxy, sinceSeconds: Math.round((now - lost.since) / 1000), reason: lost.why },
        },
      ];

const noPeers = (situation: Situation): ReadonlyArray<Cause> => {
  const { known, unreachable } = situation;
  const trackers = trackerCause(situation);
  if (known === 0) {
    const asked = sources(situation);
    const unknown: Cause = { code: "no-peers", message: `no peers known yet: ${asked}`, evidence: { asked } };
    return trackers === undefined ? [unknown] : [trackers, unknown];
  }
  const failures = [...unreachable.values()].reduce((sum, n) => sum + n, 0);
  if (failures === 0)
    return [
      {
        code: "dialling",
        message: `trying ${known === 1 ? "the one known peer" : `${known} known peers`}`,
        evidence: { known },
      },
    ];
  const [why, times] = [...unreachable].sort(([, a], [, b]) => b - a)[0] ?? ["", 0];
  const unreached: Cause = {
    code: "peers-unreachable",
    message: `${plural(known, "peer")} known, none reachable: ${why}${times < failures ? " (mostly)" : ""}`,
    evidence: { known, failures, reason: why },
  };
  return trackers === undefined ? [unreached] : [unreached, trackers];
};

const metadata = ({ metadata: { offers, done, total }, peers }: Situation): ReadonlyArray<Cause> => [
  offers === 0
    ? {
        code: "metadata-not-offered",
        message: `${plural(peers.length, "peer")}, none of them offers the metadata yet`,
        evidence: { peers: peers.length },
      }
    : {
        code: "waiting-for-metadata",
        message: `fetching the metadata from ${plural(offers, "peer")}`,
        evidence: { offers, done, total },
      },
];

const hashesMissing = ({ hashes: { askable, missing }, peers }: Situation): Cause =>
  askable === 0
    ? {
        code: "hashes-not-offered",
        message: `${plural(peers.length, "peer")}, none of which can be asked for the hashes of v2`,
        evidence: { peers: peers.length, missing },
      }
    : {
        code: "waiting-for-hashes",
        message: `fetching the hashes of ${plural(missing, "piece")} from ${plural(askable, "peer")}`,
        evidence: { askable, missing },
      };

const withPeers = (situation: Situation): ReadonlyArray<Cause> => {
  const { peers, rarest, downloadRate, hashes } = situation;
  if (downloadRate >= STUCK) return [];
  if (hashes.missing > 0) return [hashesMissing(situation)];
  const wanted = peers.filter((peer) => peer.wanted);
  const count = plural(peers.length, "peer");
  if (wanted.length === 0)
    return [
      {
        code: "nothing-wanted",
        message: `${count}, none of them has what is missing`,
        evidence: { peers: peers.length, copies: rarest },
      },
    ];
  const choking = wanted.filter((peer) => peer.choking).length;
  if (choking === wanted.length)
    return [{ code: "all-choking", message: `${count}, all choking us`, evidence: { peers: peers.length, choking } }];
  const snubbed = wanted.filter((peer) => peer.snubbed).length;
  if (snubbed > 0)
    return [
      {
        code: "peers-stalled",
        message: `${count}, ${snubbed} of them asked but silent`,
        evidence: { peers: peers.length, snubbed },
      },
    ];
  return [{ code: "waiting-for-data", message: `${count}, waiting for data`, evidence: { peers: peers.length } }];
};

const bottlenecks = ({ disk, limit, downloadRate }: Situation): ReadonlyArray<Cause> => [
  ...(limit !== undefined && downloadRate >= limit * AT_LIMIT
    ? [{ code: "limit-reached", message: "the download limit is reached", evidence: { limit, downloadRate } }]
    : []),
  ...(disk.waiting > 1 && disk.behind >= DISK_BEHIND
    ? [
        {
          code: "disk-slow",
          message: "the disk is slower than the network",
          evidence: { waiting: disk.waiting, behindMillis: Math.round(disk.behind) },
        },
      ]
    : []),
];

/** What keeps more peers from us, where those that are connected give too little. */
const fewSources = (situation: Situation): ReadonlyArray<Cause> => {
  const { known, maxPeers, peers } = situation;
  const trackers = trackerCause(situation);
  if (peers.length >= maxPeers && known > peers.length)
    return [
      {
        code: "connections-full",
        message: `all ${maxPeers} allowed connections are taken, ${known - peers.length} more ${known - peers.length === 1 ? "peer is" : "peers are"} known`,
        evidence: { maxPeers, known },
      },
    ];
  return trackers === undefined ? [] : [trackers];
};

/** Who cannot be reached gets fewer peers; while there is something to fetch it is never the first cause. */
const reachability = ({ behindProxy, port, incoming, running, peers }: Situation): ReadonlyArray<Cause> => {
  if (port === undefined) {
    return behindProxy
      ? [
          {
            code: "not-listening",
            message: "a proxy passes no connection on to us: peers cannot reach us",
            evidence: { because: "proxy" },
          },
        ]
      : [{ code: "not-listening", message: "no port could be listened on: peers cannot reach us", evidence: {} }];
  }
  if (incoming > 0 || running < UNREACHED_AFTER) return [];
  return [
    {
      code: "port-unreached",
      message: `nobody has reached port ${port} yet: it may be closed by a router or a firewall`,
      evidence: { port, peers: peers.length },
    },
  ];
};

/** The causes, the most likely first; empty when all is well. */
export const explain = (situation: Situation): ReadonlyArray<Cause> => {
  const { downloadRate, phase, peers } = situation;
  if (phase === "checking" || phase === "finishing") return [];
  // Those who want something of ours have to find us.
  if (phase === "seeding") return peers.length === 0 ? reachability(situation) : [];
  // Web seeds are no peers, and may be all that is needed.
  const isIdle = phase === "metadata" || downloadRate < STUCK;
  if (peers.length === 0 && isIdle) return [...relayLost(situation), ...noPeers(situation), ...reachability(situation)];
  if (phase === "metadata") return [...metadata(situation), ...reachability(situation)];
  const held = bottlenecks(situation);
  const slow = withPeers(situation).flatMap((cause) => [cause, ...fewSources(situation)]);
  if (held.length + slow.length === 0) return [];
  return [...held, ...slow, ...relayLost(situation), ...reachability(situation)];
};
