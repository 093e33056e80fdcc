/**
 * The lines of `--json`: each event of `events.ts` with the time it was told. Schemas for programs that read them; the command line itself
 * writes them as plain JSON.
 */
import * as Schema from "effect/Schema";

const Count = Schema.Natural;
/** Bytes a second; may be broken. */
const Rate = Schema.Finite;
/** Seconds; may be broken. */
const Seconds = Schema.Finite;

const time = {
  /** ISO 8601, UTC. */
  time: Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)),
};

/** The download is known and begins. */
export const StartedJson = Schema.Struct({
  type: Schema.Literal("started"),
  ...time,
  infoHash: Schema.String,
  name: Schema.String,
  output: Schema.String,
  size: Schema.optionalKey(Count),
  port: Schema.optionalKey(Count),
});

/** The metadata is there. */
export const MetadataReadyJson = Schema.Struct({
  type: Schema.Literal("metadata"),
  ...time,
  infoHash: Schema.String,
  name: Schema.String,
  output: Schema.String,
  size: Count,
  selectedSize: Count,
  files: Schema.Array(Schema.Struct({ path: Schema.String, size: Count, selected: Schema.Boolean })),
  pieceLength: Count,
  pieceCount: Count,
  private: Schema.Boolean,
});

/** What is on disk already was looked at. */
export const ResumedJson = Schema.Struct({
  type: Schema.Literal("resumed"),
  ...time,
  bytes: Count,
  pieces: Count,
  from: Schema.Literals(["record", "hashed", "none"]),
});

/** Each second. */
export const ProgressJson = Schema.Struct({
  type: Schema.Literal("progress"),
  ...time,
  phase: Schema.Literals(["checking", "metadata", "downloading", "finishing", "seeding"]),
  done: Count,
  total: Count,
  downloadRate: Rate,
  uploadRate: Rate,
  downloaded: Count,
  uploaded: Count,
  ratio: Schema.optionalKey(Schema.Finite),
  eta: Schema.optionalKey(Seconds),
  peers: Count,
  seeds: Count,
  choking: Count,
  known: Count,
  pieces: Count,
  pieceCount: Count,
  files: Schema.optionalKey(Schema.Array(Count)),
  waiting: Schema.optionalKey(Schema.String),
});

/** A peer came or went. */
export const PeerJson = Schema.Struct({
  type: Schema.Literal("peer"),
  ...time,
  address: Schema.String,
  state: Schema.Literals(["connected", "disconnected", "failed", "banned"]),
  direction: Schema.optionalKey(Schema.Literals(["incoming", "outgoing"])),
  client: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
});

/** A tracker answered or failed. */
export const TrackerJson = Schema.Struct({
  type: Schema.Literal("tracker"),
  ...time,
  url: Schema.String,
  state: Schema.Literals(["announcing", "ok", "failed"]),
  peers: Schema.optionalKey(Count),
  seeders: Schema.optionalKey(Count),
  leechers: Schema.optionalKey(Count),
  next: Schema.optionalKey(Seconds),
  soonest: Schema.optionalKey(Seconds),
  code: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
});

/** Why it is slow or stuck. */
export const ExplainedJson = Schema.Struct({
  type: Schema.Literal("explain"),
  ...time,
  causes: Schema.Array(
    Schema.Struct({
      code: Schema.String,
      message: Schema.String,
      evidence: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite])),
    }),
  ),
});

/** Something a person should know, that ends nothing. */
export const WarningJson = Schema.Struct({
  type: Schema.Literal("warning"),
  ...time,
  code: Schema.String,
  message: Schema.String,
});

/** All that was chosen is verified and on disk. */
export const CompleteJson = Schema.Struct({
  type: Schema.Literal("complete"),
  ...time,
  output: Schema.String,
  size: Count,
  downloaded: Count,
  uploaded: Count,
  seconds: Seconds,
  sharing: Schema.optionalKey(Schema.Boolean),
});

/** The download was stopped before completion. */
export const StoppedJson = Schema.Struct({ type: Schema.Literal("stopped"), ...time, done: Count, total: Count });

/** The download failed. */
export const FailedJson = Schema.Struct({
  type: Schema.Literal("error"),
  ...time,
  code: Schema.String,
  message: Schema.String,
});

/** Any line of `--json`, already parsed as JSON. */
export const EventJson = Schema.Union([
  StartedJson,
  MetadataReadyJson,
  ResumedJson,
  ProgressJson,
  PeerJson,
  TrackerJson,
  ExplainedJson,
  WarningJson,
  CompleteJson,
  StoppedJson,
  FailedJson,
]);

/** An event with its time: what a line of `--json` says. */
export type EventJson = typeof EventJson.Type;

/** A line of `--json` as text. */
export const EventLine = Schema.fromJsonString(EventJson);
