/** For tests of programs that use the library: network, disk, resume data and trackers in memory, all ruled by `TestClock`. */
export * as Memory from "./services/memory.ts";
export * as MemoryNetwork from "./services/MemoryNetwork/MemoryNetwork.ts";
export * as Nat from "./services/MemoryNetwork/nat.ts";
export { ResumeMachine } from "./services/ResumeStore/memory.ts";
export { MemoryDisk } from "./services/Storage/memory.ts";
export * as StorageFaults from "./services/Storage/middleware.ts";
export { MemoryTrackers } from "./services/Tracker/memory.ts";
export * as TransportFaults from "./services/Transport/middleware.ts";
