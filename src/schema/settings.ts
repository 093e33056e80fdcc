/**
 * The numbers of the protocols in one place, each with its source, and those that a user of the library may
 * replace as references. Times are in milliseconds unless the name says otherwise.
 */
import * as Context from "effect/Context";

/** Bounds and timers of conversations with peers. */
export interface PeerSettings {
  /** TCP connect. */
  readonly connectTimeout: number;
  /** Both handshakes. */
  readonly handshakeTimeout: number;
  /** Send a keep-alive after this much silence of ours (BEP 3). */
  readonly keepAlive: number;
  /** Part from a peer silent for this long (BEP 3). */
  readonly idleTimeout: number;
  /** Part from a peer when neither side was interested for this long. */
  readonly uselessTimeout: number;
  /** No block for this long while requests are out: snubbed. */
  readonly snubTimeout: number;
  /** Connections per torrent. */
  readonly maxPeers: number;
  /** Connection attempts under way at once. Most addresses are of nobody any more, and each of those takes `connectTimeout`. */
  readonly maxDialling: number;
  /** Connection attempts begun within a second, uTP beside TCP as one (libtorrent's `connection_speed`; others allow 10 to 30). */
  readonly dialsPerSecond: number;
  /** Addresses kept per torrent. */
  readonly maxCandidates: number;
  /** First wait before dialling a lost peer again; doubles. */
  readonly reconnectDelay: number;
  /** Tries in a row that may fail before an address is given up. */
  readonly reconnectTries: number;
  /** Requests that a peer may have waiting with us (`reqq`, BEP 10). */
  readonly maxUploadRequests: number;
  /** Requests that we have waiting with a peer, at the most. */
  readonly maxRequests: number;
  /** Peers unchoked at once; more where they take what they are given well … */
  readonly uploadSlots: number;
  /** … but never more than this. */
  readonly maxUploadSlots: number;
  /** Between two rounds of choking. */
  readonly chokeInterval: number;
  /** How long a peer is unchoked by chance (BEP 3). */
  readonly optimisticInterval: number;
}

/** The defaults. */
export const defaultPeerSettings: PeerSettings = {
  connectTimeout: 15_000,
  handshakeTimeout: 10_000,
  keepAlive: 100_000,
  idleTimeout: 125_000,
  uselessTimeout: 600_000,
  snubTimeout: 20_000,
  maxPeers: 80,
  maxDialling: 40,
  dialsPerSecond: 30,
  maxCandidates: 3_000,
  reconnectDelay: 15_000,
  reconnectTries: 4,
  maxUploadRequests: 500,
  maxRequests: 1_000,
  uploadSlots: 8,
  maxUploadSlots: 50,
  chokeInterval: 10_000,
  optimisticInterval: 30_000,
};

/** Replaceable with `Layer.succeed(PeerSettings, …)`. */
export const PeerSettings = Context.Reference<PeerSettings>("bt-effect/schema/PeerSettings", {
  defaultValue: () => defaultPeerSettings,
});

/** Bounds and timers of announces; times in seconds, as trackers give them. */
export interface AnnounceSettings {
  /** When a tracker gives none. */
  readonly defaultInterval: number;
  readonly minInterval: number;
  readonly maxInterval: number;
  /** After this many seconds without an answer the next tracker is asked as well (public torrents). */
  readonly hurryAfter: number;
  /** First wait after a failure; doubles, with jitter, up to `backoffCap`. */
  readonly backoffBase: number;
  readonly backoffCap: number;
  /** The whole of the last announces (`stopped`). */
  readonly stopTimeout: number;
  readonly numwant: number;
}

/** The defaults. */
export const defaultAnnounceSettings: AnnounceSettings = {
  defaultInterval: 1800,
  minInterval: 60,
  maxInterval: 86_400,
  hurryAfter: 3,
  backoffBase: 15,
  backoffCap: 3600,
  stopTimeout: 2,
  numwant: 200,
};

/** Replaceable with `Layer.succeed(AnnounceSettings, …)`. */
export const AnnounceSettings = Context.Reference<AnnounceSettings>("bt-effect/schema/AnnounceSettings", {
  defaultValue: () => defaultAnnounceSettings,
});

/** Bounds and timers of one announce to one tracker; times in seconds. */
export interface TrackerSettings {
  /** HTTP: TCP and TLS connect. */
  readonly connectTimeout: number;
  /** The whole of an announce: look-up, redirects (five at the most) and retransmissions included. */
  readonly announceTimeout: number;
  /** UDP: how long each transmission of a packet waits for its answer; shorter than BEP 15's 15·2^n, as many clients have it. */
  readonly retransmit: ReadonlyArray<number>;
  /** UDP: how long a connection id is used (BEP 15). */
  readonly connectionIdLife: number;
}

/** The defaults. */
export const defaultTrackerSettings: TrackerSettings = {
  connectTimeout: 10,
  announceTimeout: 30,
  retransmit: [3, 6, 12],
  connectionIdLife: 60,
};

/** Replaceable with `Layer.succeed(TrackerSettings, …)`. */
export const TrackerSettings = Context.Reference<TrackerSettings>("bt-effect/schema/TrackerSettings", {
  defaultValue: () => defaultTrackerSettings,
});

/** Bounds of the data path. */
export interface DataSettings {
  /** Bytes of all piece buffers together: where backpressure begins. */
  readonly bufferBytes: number;
  /** Pieces up to this length are held whole; longer ones are written by runs of this length and hashed at the end. */
  readonly runLength: number;
  /** Writes under way at once; one fewer than Node's pool has threads leaves one for what else is to be done on the disk. */
  readonly writes: number;
  /** Between two resume records. */
  readonly recordInterval: number;
  /** Between two syncs of the data. */
  readonly syncInterval: number;
}

/** The defaults. */
export const defaultDataSettings: DataSettings = {
  bufferBytes: 64 * 1024 * 1024,
  runLength: 4 * 1024 * 1024,
  writes: 3,
  recordInterval: 5_000,
  syncInterval: 30_000,
};

/** Replaceable with `Layer.succeed(DataSettings, …)`. */
export const DataSettings = Context.Reference<DataSettings>("bt-effect/schema/DataSettings", {
  defaultValue: () => defaultDataSettings,
});

/** Bounds and timers of the DHT (BEP 5); times in milliseconds. */
export interface DhtSettings {
  /** Nodes of a bucket, nodes of an answer, nodes that an announce goes to (BEP 5: k). */
  readonly bucketSize: number;
  /** Queries of one lookup under way at once (BEP 5: α). */
  readonly parallel: number;
  /** Queries of one lookup in all: an honest one takes a quarter. */
  readonly maxLookupQueries: number;
  /** A query unanswered for this long no longer counts as under way … */
  readonly slowAfter: number;
  /** … and for this long is given up. */
  readonly queryTimeout: number;
  /** Queries unanswered in a row after which a node is bad. */
  readonly badAfter: number;
  /** A node that was heard of within this time is good, a bucket that changed within it is fresh (BEP 5). */
  readonly goodFor: number;
  /** Between two looks at the tables: what is questionable is pinged, what is stale refreshed. */
  readonly upkeepInterval: number;
  /** Between two lookups for the same torrent (BEP 5). */
  readonly lookupInterval: number;
  /** Between two lookups while no peer was found. */
  readonly emptyInterval: number;
  /** First wait after nobody answered the bootstrap; doubles up to `lookupInterval`. */
  readonly bootstrapDelay: number;
  /** A new secret for the tokens; the one before stays valid as long again (BEP 5). */
  readonly tokenRotation: number;
  /** How long a peer that was announced to us is told of. */
  readonly peerLife: number;
  readonly maxTorrents: number;
  readonly maxPeersPerTorrent: number;
  /** Bytes that the payload of an answer stays under (BEP 32). */
  readonly answerLength: number;
  /** Bytes of answers per second. */
  readonly answerRate: number;
  /** Packets that one address may send us unasked within `sourceWindow`, before it is ignored for `sourceBan`. */
  readonly sourceLimit: number;
  readonly sourceWindow: number;
  readonly sourceBan: number;
  /** Different addresses that must agree on what ours is (BEP 42). */
  readonly addressVotes: number;
  /** Between two saves of the tables. */
  readonly saveInterval: number;
  /** Nodes kept of each family between runs. */
  readonly savedNodes: number;
}

/** The defaults. */
export const defaultDhtSettings: DhtSettings = {
  bucketSize: 8,
  parallel: 4,
  maxLookupQueries: 200,
  slowAfter: 1_500,
  queryTimeout: 10_000,
  badAfter: 3,
  goodFor: 900_000,
  upkeepInterval: 30_000,
  lookupInterval: 900_000,
  emptyInterval: 60_000,
  bootstrapDelay: 5_000,
  tokenRotation: 300_000,
  peerLife: 2_700_000,
  maxTorrents: 2_000,
  maxPeersPerTorrent: 500,
  answerLength: 1_024,
  answerRate: 8_000,
  sourceLimit: 50,
  sourceWindow: 10_000,
  sourceBan: 300_000,
  addressVotes: 4,
  saveInterval: 600_000,
  savedNodes: 200,
};

/** Replaceable with `Layer.succeed(DhtSettings, …)`. */
export const DhtSettings = Context.Reference<DhtSettings>("bt-effect/schema/DhtSettings", {
  defaultValue: () => defaultDhtSettings,
});
