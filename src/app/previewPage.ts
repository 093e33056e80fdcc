/** What a download would do, as a page for people (`--dry-run`). Pure. */
import type { Preview } from "../streams/previewing.ts";
import * as Text from "./display/text.ts";
import { field, hashes } from "./infoPage.ts";

/** The page, with its last line end. */
export const previewPage = (preview: Preview): string => {
  const { files, free, output, recorded, renamed, selectedSize, trackers } = preview;
  const chosen = files.filter(({ selected }) => selected);
  const found = chosen.reduce((sum, file) => sum + file.found, 0);
  const enough = free >= selectedSize - found ? "" : ", not enough";
  const verified = recorded > 0 ? `, of which ${Text.size(recorded)} were verified by an earlier run` : "";
  const cells = String(files.at(-1)?.index ?? 0).length;
  return [
    ...field("Name", [preview.name]),
    ...field("Info-hash", hashes(preview)),
    ...field("Into", [output]),
    ...field("Chosen", [
      `${chosen.length} of ${Text.count(files.length, "file")}, ${Text.sizeOf(selectedSize, preview.size)}`,
    ]),
    ...field("On disk", [found === 0 ? "nothing yet" : `${Text.size(found)}${verified}`]),
    ...field("Free", [`${Text.size(free)}${enough}`]),
    ...field("Trackers", trackers.length === 0 ? ["none"] : trackers.flat()),
    ...field(
      "Renamed",
      renamed.map(({ from, to }) => `${from} -> ${to}`),
    ),
    ...field("Files", ["x: chosen"]),
    ...files.map((file) => {
      const there = file.found === 0 ? "" : `  (${Text.size(file.found)} on disk)`;
      const mark = file.selected ? "x" : " ";
      const size = Text.size(file.size).padStart(9);
      return Text.printable(`  ${mark} ${String(file.index).padStart(cells)}  ${size}  ${file.path}${there}`);
    }),
  ]
    .map((line) => `${line}\n`)
    .join("");
};
