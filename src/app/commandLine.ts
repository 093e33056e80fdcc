/** The command line as a person would type it again. Pure. */

const PLAIN = /^[\w@%+=:,./-]+$/;

/** The word as a POSIX shell reads it. */
export const quote = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The whole command. */
export const commandLine = (args: ReadonlyArray<string>): string => ["bt-effect", ...args.map(quote)].join(" ");
