/** Where the user's own folders are by default. Without Effect: the launcher asks, too. */

/** The user's home folder; undefined for who has none, as in a container whose user the system does not know. Never the current folder. */
export const homeFolder = (): string | undefined => {
  try {
    const home = process.getBuiltinModule("node:os").homedir();
    return process.getBuiltinModule("node:path").isAbsolute(home) ? home : undefined;
  } catch {
    // Neither the environment nor the list of users says.
    return undefined;
  }
};
