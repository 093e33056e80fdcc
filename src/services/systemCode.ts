/** The code by which the system, or Node, says what went wrong (`ENOSPC`, `ERR_…`): the part of a thrown thing that errors are told apart by. */

/** The code of what was thrown; empty where it has none. */
export const systemCode = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : "";
