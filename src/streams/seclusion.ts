/** What becomes of the peers of a magnet link once its metadata says that the torrent is private (BEP 27). The sources themselves are stopped by their owners. */
import type { Candidates, Source } from "./candidates.ts";
import type { SwarmState } from "./Swarm.ts";

/** Who must not name peers of a private torrent. */
const FOREIGN: ReadonlyArray<Source> = ["magnet", "dht", "pex", "lsd", "cache"];

/** Forgets those whom no tracker and no user named, and parts from them. */
export const seclude = (swarm: Pick<SwarmState, "members">, candidates: Pick<Candidates, "forget">): void => {
  const uninvited = new Set(FOREIGN.flatMap((source) => candidates.forget(source)));
  for (const member of [...swarm.members]) if (uninvited.has(member.address)) member.part({ _tag: "Uninvited" });
};
