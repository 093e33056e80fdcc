/** Draws the medians as bars: an SVG for the README that reads on light and dark pages. */
import type { Row } from "./report.ts";

const barHeight = 22;
const gap = 8;
const labelWidth = 110;
const chartWidth = 720;

const colours: Record<string, string> = { "bt-effect": "#2f6feb" };

const panel = (
  title: string,
  rows: ReadonlyArray<Row>,
  value: (row: Row) => number,
  unit: string,
  top: number,
): string => {
  const longest = Math.max(...rows.map(value));
  const bars = rows.map((row, nth) => {
    const y = top + 30 + nth * (barHeight + gap);
    const width = Math.max(2, (value(row) / longest) * (chartWidth - labelWidth - 120));
    return [
      `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${row.client}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}" rx="3" fill="${colours[row.client] ?? "#8b949e"}"/>`,
      `<text x="${(labelWidth + width + 8).toFixed(1)}" y="${y + 15}">${value(row) >= 20 ? value(row).toFixed(0) : value(row).toFixed(2)} ${unit}</text>`,
    ].join("\n");
  });
  return [`<text class="title" x="0" y="${top + 14}">${title}</text>`, ...bars].join("\n");
};

/** The chart of these scenarios; rows that failed are left out. */
export const chart = (titles: Readonly<Record<string, string>>, rows: ReadonlyArray<Row>): string => {
  const panels: Array<string> = [];
  let top = 4;
  const add = (title: string, scenario: string, value: (row: Row) => number, unit: string): void => {
    const shown = rows.filter((row) => row.scenario === scenario && row.failure === undefined);
    if (shown.length === 0) return;
    panels.push(panel(title, shown, value, unit, top));
    top += 30 + shown.length * (barHeight + gap) + 18;
  };
  for (const [scenario, title] of Object.entries(titles)) {
    add(`${title}: MiB per second (longer is better)`, scenario, (row) => row.mebibytesPerSecond, "MiB/s");
    add(`${title}: CPU seconds per GiB (shorter is better)`, scenario, (row) => row.cpuSecondsPerGiB, "s");
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${chartWidth} ${top}" width="${chartWidth}" height="${top}" role="img">
<style>
text { font: 13px system-ui, sans-serif; fill: #57606a; }
.title { font-weight: 600; }
@media (prefers-color-scheme: dark) { text { fill: #b1bac4; } }
</style>
${panels.join("\n")}
</svg>
`;
};
