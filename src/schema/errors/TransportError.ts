/** Failures of connections to peers and of listening for them; ends one connection or one attempt, never more. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** Why a connection failed. `cause` is what the platform threw. */
export type TransportReason =
  | { readonly _tag: "Refused"; readonly cause?: unknown }
  | { readonly _tag: "Unreachable"; readonly cause?: unknown }
  | { readonly _tag: "TimedOut"; readonly afterMillis: number }
  | { readonly _tag: "Reset"; readonly cause?: unknown }
  /** The other side closed in the middle of something that needed more bytes. */
  | { readonly _tag: "Closed" }
  | { readonly _tag: "AddressInUse"; readonly cause?: unknown }
  | { readonly _tag: "AddressNotAvailable"; readonly cause?: unknown }
  /** Dialled from an address of IPv4 to one of IPv6, or the other way round. */
  | { readonly _tag: "OtherFamily" }
  | { readonly _tag: "PermissionDenied"; readonly cause?: unknown }
  /** Nobody is listened to behind a proxy. `noUdp` says why it carries no UDP either, if it does not. */
  | { readonly _tag: "BehindProxy"; readonly noUdp?: string }
  /** The process has no file descriptors left. */
  | { readonly _tag: "TooManyOpen"; readonly cause?: unknown }
  | { readonly _tag: "Other"; readonly cause: unknown };

const sentence = (reason: TransportReason): string => {
  switch (reason._tag) {
    case "Refused":
      return "connection refused";
    case "Unreachable":
      return "host or network unreachable";
    case "TimedOut":
      return `no answer within ${reason.afterMillis / 1000} s`;
    case "Reset":
      return "connection reset by the other side";
    case "Closed":
      return "connection closed by the other side";
    case "AddressInUse":
      return "the port is taken by another program";
    case "AddressNotAvailable":
      return "the address is not one of this machine's";
    case "OtherFamily":
      return "not reached from an address of the other family, IPv4 or IPv6";
    case "PermissionDenied":
      return "the system does not permit it";
    case "BehindProxy":
      return "nobody is listened to behind a proxy";
    case "TooManyOpen":
      return "too many open files and sockets";
    case "Other":
      return reason.cause instanceof Error ? reason.cause.message : String(reason.cause);
  }
};

/** A connection or listener failed. `address` is the other side (or, for listening, our own), as text. */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly address: string;
  readonly reason: TransportReason;
}> {
  /** `transport.refused`, `transport.timed-out` … */
  get code(): string {
    return `transport.${kebab(this.reason._tag)}`;
  }
  /** What went wrong, without where. */
  get why(): string {
    return sentence(this.reason);
  }
  override get message(): string {
    return `${this.address}: ${this.why}`;
  }
}
