/** The digests that readers of metainfo take, from `node:crypto`. */
import { hash } from "node:crypto";

/** SHA-1 and SHA-256. */
export const digests = {
  sha1: (bytes: Uint8Array): Uint8Array => hash("sha1", bytes, "buffer"),
  sha256: (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer"),
};
