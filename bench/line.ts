/** A line with delay and loss between the two ends, in place of the virtual cable: `native/link.c` carries it, a shell holds its far end. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { native } from "./native.ts";
import { inNetworkOf, type Network, type Path } from "./network.ts";

/** What the kernel's loopback is not. */
export interface Line {
  readonly megabits: number;
  /** Round trip. */
  readonly millis: number;
  readonly lossPercent: number;
  /** What the peer's sockets use, by its name in Linux. */
  readonly congestionControl: string;
}

/** A line that lies. */
export interface LaidLine extends Path {
  /** The process that carries it. */
  readonly pid: number;
  /** The share of its rate that came out at the near end later than 2 s after `since`. */
  readonly share: (since: number) => number | undefined;
  readonly close: () => Promise<void>;
}

const rampMillis = 2000;
const [near, far] = ["10.78.0.1", "10.78.0.2"] as const;

/** What came out of the line, in windows of 100 ms. */
const watchLine = (line: Line, reports: Readable | null): LaidLine["share"] => {
  if (reports === null) return () => undefined;
  const windows: Array<{ readonly at: number; readonly bytes: number }> = [];
  createInterface(reports).on("line", (bytes) => windows.push({ at: performance.now(), bytes: Number(bytes) }));
  return (since) => {
    // The first and the last window are not full ones.
    const late = windows.filter(({ at }) => at > since + rampMillis).slice(1, -1);
    const bytes = late.reduce((sum, window) => sum + window.bytes, 0);
    return late.length < 3 ? undefined : (bytes * 8) / (late.length * 0.1) / (line.megabits * 1e6);
  };
};

/** Lays `line`; fails with a sentence where that cannot be done. */
export const layLine = async (line: Line, network: Network): Promise<LaidLine> => {
  if (network.shared !== undefined) throw new Error(network.shared);
  const link = native("link");
  if (link === undefined) throw new Error("the line is a program in C, and there is no compiler");
  const holder = ["sh", "-c", "ip link set lo up && echo $$ && read never"];
  const child = spawn(link, [...[line.megabits, line.millis / 2, line.lossPercent].map(String), near, far, ...holder], {
    stdio: ["pipe", "pipe", "inherit", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  // It is a stream because the line above asks for pipes.
  const share = watchLine(line, (child.stdio[3] ?? null) as Readable | null);
  const close = (): Promise<void> => {
    child.stdin?.end();
    return ended;
  };
  for await (const pid of child.stdout === null ? [] : createInterface(child.stdout))
    return { near, far, peer: () => far, atFarEnd: inNetworkOf(Number(pid)), pid: child.pid ?? 0, share, close };
  throw new Error("the line ended before it lay");
};
