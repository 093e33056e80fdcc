/** For tests of programs that use the library: the network, storage and trackers in memory, ruled by `TestClock`. */
export * from "./streams/request.ts";
