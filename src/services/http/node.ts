/** Node's own HTTP. */

/** The module for http or https, loaded when first needed: an ESM import of `node:http` would also evaluate its lazy exports (undici, 15 ms). */
export const clientOf = (secure: boolean) =>
  secure ? process.getBuiltinModule("node:https") : process.getBuiltinModule("node:http");
