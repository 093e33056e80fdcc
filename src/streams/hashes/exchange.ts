/** The hashes of one download (BEP 52): asked of peers from when its metadata is known, those of wanted files first, and given to those who ask. */
import { piecesOf } from "../../schema/geometry.ts";
import type { Sha256 } from "../../schema/merkle.ts";
import type { Torrent } from "../torrent.ts";
import { type HashFetching, makeHashFetching } from "./fetching.ts";
import { type HashServing, makeHashServing } from "./serving.ts";

/** Both sides of it. */
export interface HashExchange {
  readonly fetching: HashFetching;
  readonly serving: HashServing;
}

/** The indices of the files whose layers are not known, in the order in which they are asked for. */
const unknownFiles = ({ hashes, info, table }: Torrent): ReadonlyArray<number> => {
  const isWanted = (file: number): boolean => {
    const range = info.files[file] && piecesOf(info, info.files[file]);
    return range !== undefined && table.wanted(range.first);
  };
  const unknown = hashes.incomplete();
  return [...unknown.filter(isWanted), ...unknown.filter((file) => !isWanted(file))];
};

/** An exchange that has nothing to do until it is told of a torrent. */
export const makeHashExchange = (options: {
  readonly torrent: () => Torrent | undefined;
  readonly sha256: Sha256;
  /** Something of use came; milliseconds of the monotonic clock. */
  readonly useful: (now: number) => void;
  /** Pieces can be judged that could not be before. */
  readonly learnt: () => void;
}): HashExchange & { readonly attach: (torrent: Torrent, now: number) => void } => {
  const fetching = makeHashFetching({ useful: options.useful });
  return {
    fetching,
    serving: makeHashServing(options.torrent, options.sha256),
    attach: (torrent, now) => {
      const { info } = torrent;
      if (info.version === "v1") return;
      fetching.begin(
        {
          info,
          files: unknownFiles(torrent),
          learnLayer: (file, part) => {
            const learnt = torrent.learnLayer(file, part);
            if (learnt) options.learnt();
            return learnt;
          },
        },
        now,
      );
    },
  };
};
