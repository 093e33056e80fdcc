/** Failures of asking a router for a port mapping; they never end a download, and only the log tells of them. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** Why a router gave no mapping. */
export type MappingReason =
  /** Nobody answers. */
  | { readonly _tag: "Silent" }
  | { readonly _tag: "Unreachable"; readonly cause: unknown }
  /** It speaks, but not this protocol. */
  | { readonly _tag: "Unsupported" }
  /** It says no; `result` is the protocol's own code. */
  | { readonly _tag: "Refused"; readonly result: number; readonly text: string }
  /** The answer is not what was asked for. */
  | { readonly _tag: "Malformed"; readonly why: string };

const sentence = (reason: MappingReason): string => {
  switch (reason._tag) {
    case "Silent":
      return "no answer";
    case "Unreachable":
      return `cannot be reached (${reason.cause instanceof Error ? reason.cause.message : String(reason.cause)})`;
    case "Unsupported":
      return "the router does not speak it";
    case "Refused":
      return `the router refuses: ${reason.text} (${reason.result})`;
    case "Malformed":
      return reason.why;
  }
};

/** A router gave no mapping by one of the protocols. */
export class MappingError extends Data.TaggedError("MappingError")<{
  readonly protocol: "PCP" | "NAT-PMP" | "UPnP";
  readonly reason: MappingReason;
}> {
  /** `mapping.silent`, `mapping.unreachable`, `mapping.unsupported`, `mapping.refused`, `mapping.malformed`. */
  get code(): string {
    return `mapping.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return `${this.protocol}: ${sentence(this.reason)}`;
  }
}
