/** Draws the medians as bars: an SVG for the README that reads on light and dark pages, two panels side by side. */
import type { Row } from "./report.ts";

const barHeight = 16;
const gap = 5;
const labelWidth = 92;
const panelWidth = 350;
const valueWidth = 72;
const titleHeight = 26;
const between = 20;

/** What is drawn, in the order of reading. */
const panels: ReadonlyArray<{
  readonly title: string;
  readonly scenario: string;
  readonly unit: string;
  readonly value: (row: Row) => number;
}> = [
  {
    title: "1 GiB from 1 peer, longer is better",
    scenario: "one-peer",
    unit: "MiB/s",
    value: (row) => row.mebibytesPerSecond,
  },
  {
    title: "the same, CPU per GiB, shorter is better",
    scenario: "one-peer",
    unit: "s",
    value: (row) => row.cpuSecondsPerGiB,
  },
  {
    title: "1 GiB from 8 peers, longer is better",
    scenario: "eight-peers",
    unit: "MiB/s",
    value: (row) => row.mebibytesPerSecond,
  },
  {
    title: "the same, CPU per GiB, shorter is better",
    scenario: "eight-peers",
    unit: "s",
    value: (row) => row.cpuSecondsPerGiB,
  },
  {
    title: "2,000 files, 512 MiB, longer is better",
    scenario: "many-files",
    unit: "MiB/s",
    value: (row) => row.mebibytesPerSecond,
  },
  { title: "checking 1 GiB, shorter is better", scenario: "re-check", unit: "s", value: (row) => row.wallSeconds },
  { title: "sharing 1 GiB, longer is better", scenario: "seed", unit: "MiB/s", value: (row) => row.mebibytesPerSecond },
  {
    title: "the same, CPU per GiB, shorter is better",
    scenario: "seed",
    unit: "s",
    value: (row) => row.cpuSecondsPerGiB,
  },
];

const panel = (drawn: (typeof panels)[number], rows: ReadonlyArray<Row>, left: number, top: number): string => {
  const { value, unit, title } = drawn;
  const longest = Math.max(...rows.map(value));
  const bars = rows.map((row, nth) => {
    const y = top + titleHeight + nth * (barHeight + gap);
    const width = Math.max(2, (value(row) / longest) * (panelWidth - labelWidth - valueWidth));
    const figure = value(row) >= 20 ? value(row).toFixed(0) : value(row).toFixed(2);
    return [
      `<text x="${left + labelWidth - 6}" y="${y + 12}" text-anchor="end">${row.client}</text>`,
      `<rect x="${left + labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}" rx="2"${row.client === "bt-effect" ? ' class="ours"' : ""}/>`,
      `<text x="${(left + labelWidth + width + 6).toFixed(1)}" y="${y + 12}">${figure} ${unit}</text>`,
    ].join("\n");
  });
  return [`<text class="title" x="${left}" y="${top + 14}">${title}</text>`, ...bars].join("\n");
};

/** The chart of these rows, the best of each panel first; rows that failed are left out. */
export const chart = (rows: ReadonlyArray<Row>): string => {
  const parts: Array<string> = [];
  let top = 4;
  for (let nth = 0; nth < panels.length; nth += 2) {
    const pair = panels.slice(nth, nth + 2).map((drawn) => ({
      drawn,
      rows: rows
        .filter(({ scenario, failure }) => scenario === drawn.scenario && failure === undefined)
        .toSorted((a, b) => (drawn.unit === "s" ? 1 : -1) * (drawn.value(a) - drawn.value(b))),
    }));
    for (const [side, one] of pair.entries())
      if (one.rows.length > 0) parts.push(panel(one.drawn, one.rows, side * (panelWidth + between), top));
    top += titleHeight + Math.max(...pair.map((one) => one.rows.length)) * (barHeight + gap) + between;
  }
  const width = 2 * panelWidth + between;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img">
<style>
text { font: 12px system-ui, sans-serif; fill: #57606a; }
rect { fill: #8b949e; }
.ours { fill: #2f6feb; }
.title { font-weight: 600; }
@media (prefers-color-scheme: dark) { text { fill: #b1bac4; } }
</style>
${parts.join("\n")}
</svg>
`;
};
