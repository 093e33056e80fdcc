/** What users of the library import: the pipeline and its request, the events and errors it speaks of, and the services' tags. */
export * from "./schema/errors/DownloadError.ts";
export * from "./schema/errors/PeerError.ts";
export * from "./schema/errors/ResumeError.ts";
export * from "./schema/errors/StorageError.ts";
export * from "./schema/errors/TrackerError.ts";
export * from "./schema/errors/TransportError.ts";
export type * from "./schema/events.ts";
export * from "./streams/request.ts";
