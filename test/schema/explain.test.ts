import { assert, describe, it } from "@effect/vitest";
import { explain, type PeerView, type Situation } from "../../src/schema/explain.ts";

const peer: PeerView = { choking: false, wanted: true, snubbed: false };
const calm: Situation = {
  now: 10_000,
  phase: "downloading",
  downloadRate: 1_000_000,
  peers: [peer],
  known: 1,
  unreachable: new Map(),
  trackers: [],
  otherSources: [],
  port: 50_000,
  behindProxy: false,
  incoming: 0,
  running: 10_000,
  disk: { waiting: 1, behind: 0 },
  limit: undefined,
  maxPeers: 80,
  metadata: { offers: 0, done: 0, total: 0 },
  hashes: { missing: 0, askable: 1 },
  rarest: 1,
};
const alone: Situation = { ...calm, downloadRate: 0, peers: [], known: 0 };
const failing = { url: "http://t.example/announce", state: "failed" } as const;

const unregistered = {
  since: 4_000,
  message: "http://t.example/announce: the tracker says: unregistered torrent.",
};

const cases: ReadonlyArray<
  readonly [what: string, situation: Situation, expected: ReadonlyArray<readonly [string, RegExp]>]
> = [
  ["nothing when data flows", calm, []],
  ["nothing when data flows from web seeds alone", { ...calm, peers: [], known: 0 }, []],
  ["nothing while checking", { ...alone, phase: "checking" }, []],
  [
    "who is being asked when no peer is known",
    {
      ...alone,
      trackers: [{ url: "udp://t.example:1/a", state: "announcing" }],
      otherSources: ["the DHT (3 nodes)"],
    },
    [["no-peers", /asking 1 tracker, asking the DHT \(3 nodes\)/]],
  ],
  [
    "when the trackers that knew nobody are asked again",
    { ...alone, trackers: [{ url: "udp://t.example:1/a", state: "ok", next: 70_000, peers: 0 }] },
    [["no-peers", /1 tracker asked, next try in 60 s/]],
  ],
  [
    "the tracker's own words, since when, when all trackers fail",
    {
      ...alone,
      trackers: [{ ...failing, failing: unregistered, next: 25_000 }],
    },
    [
      ["trackers-failing", /t\.example: the tracker says: unregistered torrent, for 6 s, next try in 15 s$/],
      ["no-peers", /no peers known yet/],
    ],
  ],
  [
    "the same while a failing tracker is asked once more",
    { ...alone, trackers: [{ ...failing, state: "announcing", failing: unregistered }] },
    [
      ["trackers-failing", /unregistered torrent, for 6 s$/],
      ["no-peers", /asking 1 tracker/],
    ],
  ],
  [
    "nothing of a failing tracker where another one works",
    {
      ...alone,
      trackers: [
        { ...failing, failing: unregistered },
        { url: "http://b", state: "ok", next: 70_000 },
      ],
    },
    [["no-peers", /2 trackers asked, next try in 60 s/]],
  ],
  [
    "that no tracker works, after what holds the connected peers back",
    {
      ...calm,
      downloadRate: 0,
      peers: [{ ...peer, choking: true }],
      trackers: [{ ...failing, failing: unregistered }],
    },
    [
      ["all-choking", /./],
      ["trackers-failing", /./],
    ],
  ],
  [
    "that no more connections are allowed, while more peers are known",
    { ...calm, downloadRate: 0, peers: [{ ...peer, choking: true }], maxPeers: 1, known: 3 },
    [
      ["all-choking", /./],
      ["connections-full", /all 1 allowed connections are taken, 2 more peers are known/],
    ],
  ],
  ["nothing of full connections while data flows", { ...calm, maxPeers: 1, known: 3 }, []],
  ["nothing while others fetch from us", { ...calm, phase: "seeding", downloadRate: 0, running: 130_000 }, []],
  [
    "that a seed to which nobody comes may be closed off",
    { ...alone, phase: "seeding", running: 130_000 },
    [["port-unreached", /nobody has reached port 50000/]],
  ],
  ["that known peers are being tried", { ...alone, known: 2 }, [["dialling", /trying 2 known peers/]]],
  [
    "why known peers cannot be reached, the commonest reason first",
    {
      ...alone,
      known: 3,
      unreachable: new Map([
        ["connection refused", 1],
        ["no answer within 15 s", 5],
      ]),
    },
    [["peers-unreachable", /3 peers known, none reachable: no answer within 15 s \(mostly\)/]],
  ],
  [
    "that all choke us",
    { ...calm, downloadRate: 0, peers: [{ ...peer, choking: true }] },
    [["all-choking", /1 peer, all choking us/]],
  ],
  [
    "that the hashes of v2 are on their way, before what comes after them",
    { ...calm, downloadRate: 0, hashes: { missing: 12, askable: 2 } },
    [["waiting-for-hashes", /fetching the hashes of 12 pieces from 2 peers/]],
  ],
  [
    "that no peer can give the hashes of v2",
    { ...calm, downloadRate: 0, hashes: { missing: 12, askable: 0 } },
    [["hashes-not-offered", /1 peer, none of which can be asked for the hashes of v2/]],
  ],
  [
    "that nobody has what is missing",
    {
      ...calm,
      downloadRate: 0,
      peers: [
        { ...peer, wanted: false },
        { ...peer, wanted: false },
      ],
      rarest: 0,
    },
    [["nothing-wanted", /2 peers, none of them has what is missing/]],
  ],
  [
    "that peers are silent",
    { ...calm, downloadRate: 0, peers: [{ ...peer, snubbed: true }] },
    [["peers-stalled", /1 of them asked but silent/]],
  ],
  ["that the limit is reached", { ...calm, limit: 1_050_000 }, [["limit-reached", /download limit/]]],
  ["that the disk is slow", { ...calm, disk: { waiting: 3, behind: 3_000 } }, [["disk-slow", /disk is slower/]]],
  [
    "nothing of a disk that has always one piece to write, and no other that waits",
    { ...calm, disk: { waiting: 1, behind: 9_000 } },
    [],
  ],
  ["nothing of a disk that catches up now and then", { ...calm, disk: { waiting: 9, behind: 900 } }, []],
  [
    "from how many peers the metadata comes",
    { ...calm, phase: "metadata", downloadRate: 0, metadata: { offers: 2, done: 1, total: 3 } },
    [["waiting-for-metadata", /from 2 peers/]],
  ],
  [
    "that no peer offers the metadata",
    { ...calm, phase: "metadata", downloadRate: 0 },
    [["metadata-not-offered", /none of them offers/]],
  ],
  [
    "that the port may be closed, last, when nobody came for long",
    { ...alone, known: 1, running: 130_000 },
    [
      ["dialling", /trying the one known peer/],
      ["port-unreached", /port 50000/],
    ],
  ],
  [
    "that the proxy relays no UDP, before what suffers from it",
    {
      ...alone,
      relayLost: { proxy: "p.example:1080", since: 4_000, why: "connection refused" },
      trackers: [{ ...failing, url: "udp://t.example:1/a", failing: { since: 5_000, message: "no answer" } }],
    },
    [
      ["relay-lost", /the proxy relays no UDP for 6 s: connection refused/],
      ["trackers-failing", /./],
      ["no-peers", /./],
    ],
  ],
  [
    "nothing of the proxy while data flows",
    { ...calm, relayLost: { proxy: "p.example:1080", since: 4_000, why: "connection refused" } },
    [],
  ],
  [
    "that the proxy relays no UDP where all peers choke",
    {
      ...calm,
      downloadRate: 0,
      peers: [{ ...peer, choking: true }],
      relayLost: { proxy: "p.example:1080", since: 4_000, why: "connection refused" },
    },
    [
      ["all-choking", /./],
      ["relay-lost", /./],
    ],
  ],
  [
    "that no port is listened on",
    { ...alone, known: 1, port: undefined },
    [
      ["dialling", /./],
      ["not-listening", /no port .*: peers cannot reach us/],
    ],
  ],
  [
    "that a proxy keeps peers away",
    { ...alone, known: 1, port: undefined, behindProxy: true },
    [
      ["dialling", /./],
      ["not-listening", /proxy .*: peers cannot reach us/],
    ],
  ],
];

describe("explain", () => {
  for (const [what, situation, expected] of cases) {
    it(`says ${what}`, () => {
      const causes = explain(situation);
      assert.deepStrictEqual(
        causes.map(({ code }) => code),
        expected.map(([code]) => code),
      );
      causes.forEach(({ message }, index) => assert.match(message, expected[index]?.[1] ?? /never/));
    });
  }
});
