/** The version of this package, said by `--version` and in the peer id; a test holds it equal to package.json's. */

/** Semantic version of bt-effect. */
export const VERSION = "0.1.0";

/** How this client names itself to people and peers (`v` of BEP 10). */
export const AGENT = `bt-effect ${VERSION}`;

/** How this client names itself over HTTP (`User-Agent`), to trackers and web seeds among others. */
export const USER_AGENT = `bt-effect/${VERSION}`;
