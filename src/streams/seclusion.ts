/**
 * Whom a private torrent must not keep (BEP 27): peers that none of its trackers named, once a magnet's metadata says that it is private, and those of a tracker
 * that another one took the place of. The sources themselves are stopped by their owners.
 */
import type { Candidates, Source } from "./candidates.ts";
import type { SwarmState } from "./Swarm.ts";

/** Who must not name peers of a private torrent. */
const FOREIGN: ReadonlyArray<Source> = ["magnet", "dht", "pex", "lsd", "cache"];

type Members = Pick<SwarmState, "members">;
type Forgetting = Pick<Candidates, "forget">;

/** Forgets those whom only these sources named, and parts from them but for `welcome` (`address:port`). */
const leave = (
  sources: ReadonlyArray<Source>,
  { swarm, candidates, welcome }: { swarm: Members; candidates: Forgetting; welcome: ReadonlySet<string> },
): void => {
  const uninvited = new Set(sources.flatMap((source) => candidates.forget(source)));
  for (const member of [...swarm.members])
    if (uninvited.has(member.address) && !welcome.has(member.address)) member.part({ _tag: "Uninvited" });
};

/** The torrent is private after all: leaves those whom no tracker and no user named. */
export const seclude = (swarm: Members, candidates: Forgetting): void =>
  leave(FOREIGN, { swarm, candidates, welcome: new Set() });

/** Another tracker is asked from now on: leaves those of the former one whom it does not name as well. */
export const changeTracker = (swarm: Members, candidates: Forgetting, named: ReadonlySet<string>): void =>
  leave(["tracker"], { swarm, candidates, welcome: named });
