/** Inputs of Go's fuzzing corpora ("go test fuzz v1"), of which the fixtures hold some. */
import { readdirSync } from "node:fs";
import { fixture, fixturePath } from "./fixtures.ts";

const ESCAPES: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
  "\\": 0x5c,
  '"': 0x22,
};

/** The bytes of a Go string literal's inside. */
const unquote = (text: string): Uint8Array => {
  const bytes: Array<number> = [];
  for (const [whole, hex, unicode, letter] of text.matchAll(/\\x(..)|\\u(....)|\\(.)|[^\\]/gsu)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (letter !== undefined) bytes.push(ESCAPES[letter] ?? 0);
    else {
      const character = unicode === undefined ? whole : String.fromCodePoint(Number.parseInt(unicode, 16));
      bytes.push(...new TextEncoder().encode(character));
    }
  }
  return Uint8Array.from(bytes);
};

/** The recorded inputs whose file names begin with `prefix`, by file name. */
export const goCorpus = (prefix: string): ReadonlyMap<string, Uint8Array> =>
  new Map(
    readdirSync(fixturePath("recorded"))
      .filter((name) => name.startsWith(prefix))
      .map((name) => {
        const text = new TextDecoder().decode(fixture(`recorded/${name}`));
        return [name, unquote(/^\[\]byte\("(.*)"\)$/m.exec(text)?.[1] ?? "")];
      }),
  );
