/** `bt-effect scrape <torrent>`: asks all trackers at once how many share it. Nothing is announced. */
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Option from "effect/Option";
import * as Live from "../../services/live.ts";
import type { Proxy } from "../../schema/socks5.ts";
import { type Scraped, scrapeAll } from "../../streams/scraping.ts";
import * as Text from "../display/text.ts";
import type { OutputFlags } from "../output.ts";
import { withOutput } from "../output.ts";
import { wireNames } from "../../schema/infoHash.ts";
import { type JsonResult, printResults } from "../results.ts";
import { Screen } from "../Screen/Screen.ts";
import { ScrapeFailed } from "../ScrapeFailed.ts";
import { readSource } from "../source.ts";

/** What the command line says. */
export interface ScrapeInput extends OutputFlags {
  readonly torrent: string;
  /** More trackers. */
  readonly tracker: ReadonlyArray<string>;
  readonly proxy: Option.Option<Proxy>;
}

/** Cells of a column of numbers. */
const CELLS = 13;

const COLUMNS = ["seeders", "leechers", "downloaders", "completed"] as const;

/** A table for people; without the column that no tracker fills. */
const page = (answers: ReadonlyArray<Scraped>): string => {
  const counts = answers.map(({ result }) => Result.getOrUndefined(result));
  const columns = COLUMNS.filter(
    (column) => column !== "downloaders" || counts.some((of) => of?.downloaders !== undefined),
  );
  const row = (cells: ReadonlyArray<string>): string => cells.map((cell) => Text.pad(cell, CELLS)).join("");
  return [
    `${row(columns)}tracker`,
    ...answers.map(
      ({ result, url }, at) =>
        `${row(columns.map((column) => String(counts[at]?.[column] ?? "-")))}${Text.printable(Result.isSuccess(result) ? url : result.failure.message)}`,
    ),
  ]
    .map((line) => `${line}\n`)
    .join("");
};

/** A line of JSON per tracker. */
const data = (answers: ReadonlyArray<Scraped>): ReadonlyArray<JsonResult> =>
  answers.map(({ result, url }) =>
    Result.match(result, {
      onSuccess: (counts): JsonResult => ({ type: "scrape", url, ...counts }),
      onFailure: ({ code, message }) => ({ type: "scrape", url, code, message }),
    }),
  );

/** Asks and prints; fails where no tracker answered. */
export const scrape = (input: ScrapeInput) =>
  Effect.gen(function* () {
    const screen = yield* Screen;
    const proxy = Option.getOrUndefined(input.proxy);
    const source = yield* readSource(input.torrent, proxy);
    const of = source._tag === "Metainfo" ? source.metainfo : source.magnet;
    const model = source._tag === "Metainfo" ? source.metainfo.info : source.magnet;
    const urls = [...new Set([...of.trackers.flat(), ...input.tracker])];
    const name = model.name ?? model.infoHash.hex;
    if (urls.length === 0) return yield* new ScrapeFailed({ name, trackers: 0 });
    const answers = yield* Effect.provide(scrapeAll(urls, wireNames(model)), Live.layer({ proxy }));
    if (input.json) yield* printResults(data(answers));
    else if (!input.quiet) screen.print(page(answers));
    if (answers.every(({ result }) => Result.isFailure(result)))
      return yield* new ScrapeFailed({ name, trackers: urls.length });
  }).pipe(withOutput(input));
