/** What is said of standard output that could not be written. Pure; loaded for `--version`, too, so that it needs nothing. */

/** The line for results that were lost: the disk that they go to is full, say. None for a reader that went away (`bt-effect … | head`): it wants no more. */
export const lostLine = (cause: NodeJS.ErrnoException | null): string | undefined => {
  if (cause === null || cause.code === "EPIPE") return undefined;
  return `bt-effect: standard output: ${cause.code === "ENOSPC" ? "the disk is full" : `cannot be written (${cause.message})`}\n`;
};
