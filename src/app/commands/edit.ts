/** `bt-effect edit <torrent> -o out.torrent`: other trackers, web seeds or comment; the info dictionary, and with it the info-hash, stays. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { editMetainfo } from "../../schema/metainfo/write.ts";
import * as Text from "../display/text.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { printResults } from "../results.ts";
import { saveBytes } from "../saving.ts";
import { Screen } from "../Screen/Screen.ts";
import { readTorrent } from "../source.ts";
import { UsageError } from "../UsageError.ts";

/** What the command line says. */
export interface EditInput extends OutputFlags {
  readonly torrent: string;
  readonly output: Option.Option<string>;
  readonly tracker: ReadonlyArray<ReadonlyArray<string>>;
  readonly noTrackers: boolean;
  readonly webSeed: ReadonlyArray<string>;
  readonly noWebSeeds: boolean;
  readonly comment: Option.Option<string>;
}

const given = <A>(list: ReadonlyArray<A>, none: boolean): ReadonlyArray<A> | undefined =>
  list.length > 0 || none ? list : undefined;

const refuse = (problem: string, hint?: string) =>
  Effect.fail(new UsageError({ kind: "invalid", problem, ...(hint !== undefined && { hint }) }));

/** Writes the edited torrent. */
export const edit = (input: EditInput) =>
  Effect.gen(function* () {
    const screen = yield* Screen;
    if (Option.isNone(input.output))
      return yield* new UsageError({ kind: "missing-flag", problem: "--output is missing" });
    if (input.noTrackers && input.tracker.length > 0) return yield* refuse("--tracker and --no-trackers contradict");
    if (input.noWebSeeds && input.webSeed.length > 0) return yield* refuse("--web-seed and --no-web-seeds contradict");
    if (input.json && input.output.value === "-") return yield* refuse("--json and -o - both want standard output");
    const changes = {
      trackers: given(input.tracker, input.noTrackers),
      webSeeds: given(input.webSeed, input.noWebSeeds),
      comment: Option.getOrUndefined(input.comment),
    };
    if (Object.values(changes).every((change) => change === undefined))
      return yield* refuse("nothing to change", "name --tracker, --web-seed or --comment");
    const { bytes, metainfo } = yield* readTorrent(input.torrent);
    const { name, infoHash } = metainfo.info;
    yield* saveBytes(input.output.value, yield* Effect.fromResult(editMetainfo(bytes, changes)));
    const output = input.output.value;
    if (input.json) yield* printResults([{ type: "edited", output, name, infoHash: infoHash.hex }]);
    else if (!input.quiet && output !== "-")
      screen.write(`${Text.printable(`${name}: edited, still ${infoHash.hex}: ${output}`)}\n`);
  }).pipe(withOutput(input));
