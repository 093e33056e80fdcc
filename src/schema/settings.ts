/**
 * The numbers of the protocols in one place (protocols §16 to §18), each with its source, and those that a user of the library may
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
  /** Connection attempts under way at once. */
  readonly maxDialling: number;
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
  /** Peers unchoked at once. */
  readonly uploadSlots: number;
  /** Between two rounds of choking. */
  readonly chokeInterval: number;
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
  maxDialling: 20,
  maxCandidates: 3_000,
  reconnectDelay: 15_000,
  reconnectTries: 4,
  maxUploadRequests: 500,
  maxRequests: 1_000,
  uploadSlots: 8,
  chokeInterval: 10_000,
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
  /** HTTP: TCP and TLS connect (protocols §3). */
  readonly connectTimeout: number;
  /** The whole of an announce: look-up, redirects and retransmissions included (protocols §3). */
  readonly announceTimeout: number;
  /** HTTP: redirects that are followed (protocols §3). */
  readonly maxRedirects: number;
  /** UDP: how long each transmission of a packet waits for its answer; shorter than BEP 15's 15·2^n, as many clients have it. */
  readonly retransmit: ReadonlyArray<number>;
  /** UDP: how long a connection id is used (BEP 15). */
  readonly connectionIdLife: number;
}

/** The defaults. */
export const defaultTrackerSettings: TrackerSettings = {
  connectTimeout: 10,
  announceTimeout: 30,
  maxRedirects: 5,
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
  /** Writes under way at once. */
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
  writes: 4,
  recordInterval: 5_000,
  syncInterval: 30_000,
};

/** Replaceable with `Layer.succeed(DataSettings, …)`. */
export const DataSettings = Context.Reference<DataSettings>("bt-effect/schema/DataSettings", {
  defaultValue: () => defaultDataSettings,
});
