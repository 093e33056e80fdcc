/** Which files are chosen: `--select` and a magnet's `so` (BEP 53), turned into indices. Pure; pads are never chosen. */
import * as Glob from "effect/Glob";
import * as Result from "effect/Result";
import { DownloadFailed } from "../schema/errors/DownloadError.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { DownloadRequest, SelectPattern } from "./request.ts";

type Matcher = (path: ReadonlyArray<string>, index: number) => boolean;

const matcher = (pattern: SelectPattern): Matcher => {
  if (pattern._tag === "Ranges") {
    return (_, index) => pattern.ranges.some(([first, last]) => first <= index && index <= last);
  }
  const glob = Glob.make(pattern.glob, { dot: true });
  // A pattern without a folder means a name, wherever it is.
  return pattern.glob.includes("/")
    ? (path) => Glob.match(glob, path.join("/"))
    : (path) => Glob.match(glob, path.at(-1) ?? "");
};

/** The pattern as `--select` takes it. */
export const patternText = (pattern: SelectPattern): string =>
  pattern._tag === "Glob"
    ? pattern.glob
    : pattern.ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");

/** Indices of the files that a request chooses, in order; every pattern must match some file. */
export const selectFiles = (
  info: TorrentInfo,
  request: Pick<DownloadRequest, "select" | "source">,
): Result.Result<ReadonlyArray<number>, DownloadFailed> => {
  const selectOnly = request.source._tag === "Magnet" ? request.source.magnet.selectOnly : undefined;
  const patterns: ReadonlyArray<SelectPattern> =
    request.select.length > 0 || selectOnly === undefined ? request.select : [{ _tag: "Ranges", ranges: selectOnly }];
  const real = info.files.flatMap((file, index) => (file.pad ? [] : [index]));
  if (patterns.length === 0) return Result.succeed(real);
  const chosen = new Set<number>();
  for (const pattern of patterns) {
    const matches = matcher(pattern);
    const hits = real.filter((index) => matches(info.files[index]?.path ?? [], index));
    if (hits.length === 0) {
      return Result.fail(
        new DownloadFailed({ name: info.name, reason: { _tag: "NothingSelected", pattern: patternText(pattern) } }),
      );
    }
    for (const index of hits) chosen.add(index);
  }
  return Result.succeed(real.filter((index) => chosen.has(index)));
};
