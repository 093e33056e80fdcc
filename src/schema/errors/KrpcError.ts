/** A DHT packet that is not what it should be. Concerns that packet alone. */
import * as Data from "effect/Data";
import type { BencodeError } from "./BencodeError.ts";
import { kebab } from "./kebab.ts";

/** What is wrong with it. */
export type KrpcReason =
  | { readonly _tag: "NotBencoded"; readonly error: BencodeError }
  /** No transaction to answer to, or no kind. */
  | { readonly _tag: "NotKrpc"; readonly what: string }
  /** A query whose arguments are missing or wrong: error 203 of BEP 5. */
  | { readonly _tag: "BadQuery"; readonly what: string; readonly transaction: Uint8Array }
  /** A query of a kind that is not known and names no target: error 204 of BEP 5. */
  | { readonly _tag: "UnknownQuery"; readonly method: string; readonly transaction: Uint8Array };

/** The packet cannot be read. */
export class KrpcError extends Data.TaggedError("KrpcError")<{ readonly reason: KrpcReason }> {
  /** `krpc.not-bencoded`, `krpc.not-krpc`, `krpc.bad-query`, `krpc.unknown-query`. */
  get code(): string {
    return `krpc.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    switch (this.reason._tag) {
      case "NotBencoded":
        return `a DHT packet is not bencoded: ${this.reason.error.message}`;
      case "NotKrpc":
        return `a DHT packet is malformed: ${this.reason.what}`;
      case "BadQuery":
        return `a DHT query is malformed: ${this.reason.what}`;
      case "UnknownQuery":
        return `a DHT query of an unknown kind: ${this.reason.method}`;
    }
  }
}
