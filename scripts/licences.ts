/** What the licences of bundled packages ask for: their texts go along with the program. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The file of a package that holds its licence, by the names in use. */
const isLicence = (name: string): boolean => /^(licen[cs]e|copying)/i.test(name);

/** The folders of the packages that files of a bundle came from, by the paths that esbuild names (`node_modules/…`). */
const packagesOf = (inputs: Iterable<string>): ReadonlyArray<string> => {
  const folders = new Set<string>();
  for (const path of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (found !== undefined) folders.add(found);
  }
  return [...folders].toSorted();
};

/** Name, version and licence of every package with a file among `inputs`, paths below `root`. A package that grants nothing must not be bundled: it throws. */
export const licences = (root: string, inputs: Iterable<string>): string =>
  packagesOf(inputs)
    .map((folder) => {
      const at = join(root, folder);
      // npm knows these fields, of which every package has the first two.
      const { author, license, name, version } = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as {
        readonly name: string;
        readonly version: string;
        readonly license?: string;
        readonly author?: string | { readonly name: string };
      };
      const by = typeof author === "object" ? author.name : author;
      const file = readdirSync(at).find(isLicence);
      if (file === undefined && license === undefined) throw new Error(`${name} has no licence`);
      const text =
        file === undefined
          ? `Licence: ${license}${by === undefined ? "" : `, by ${by}`}`
          : readFileSync(join(at, file), "utf8").trim();
      return `${name} ${version}\n\n${text}\n`;
    })
    .join(`\n${"-".repeat(72)}\n\n`);
