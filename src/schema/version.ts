/** The version of this package, said by `--version` and in the peer id; a test holds it equal to package.json's. */

/** Semantic version of bt-effect. */
export const VERSION = "0.1.0";

/** How this client names itself to peers and trackers (`v` of BEP 10, `User-Agent`). */
export const AGENT = `bt-effect ${VERSION}`;
