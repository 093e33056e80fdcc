/** The digests of `node:crypto` as plain functions: for the Hasher, and for threads that have no Effect. */
import { createHash, hash } from "node:crypto";

/** A digest in the making. */
export interface Digesting {
  readonly update: (bytes: Uint8Array) => void;
  /** The 20 bytes; to be called once. */
  readonly digest: () => Uint8Array;
}

/** What hashing comes down to. */
export interface Digests {
  /** Begins an incremental SHA-1. */
  readonly begin: () => Digesting;
  /** SHA-1 of all of `bytes`, 20 bytes. */
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  /** SHA-256 of all of `bytes`, 32 bytes (BEP 52). */
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
}

/** On the thread that calls. */
export const digests: Digests = {
  begin: () => {
    const state = createHash("sha1");
    return { update: (bytes) => void state.update(bytes), digest: () => state.digest() };
  },
  sha1: (bytes) => hash("sha1", bytes, "buffer"),
  sha256: (bytes) => hash("sha256", bytes, "buffer"),
};
