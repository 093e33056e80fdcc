/** What this process has open (Linux). */
import { readdirSync, readlinkSync } from "node:fs";

/** How many descriptors are open on what begins with `prefix`: a folder for the files in it, `socket:` for sockets. */
export const openOn = (prefix: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(prefix);
    } catch {
      // that by which the folder itself was read
      return false;
    }
  }).length;
