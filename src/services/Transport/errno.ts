/** What the operating system's error codes mean for a connection or a listener. Pure; shared by all transports over real sockets. */
import { TransportError } from "../../schema/errors/TransportError.ts";
import type { TransportReason } from "../../schema/errors/TransportError.ts";
import { systemCode } from "../systemCode.ts";

const reasonOf = (cause: unknown, silentMillis: number): TransportReason => {
  switch (systemCode(cause)) {
    case "ECONNREFUSED":
      return { _tag: "Refused", cause };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
    case "EAFNOSUPPORT":
      return { _tag: "Unreachable", cause };
    case "ETIMEDOUT":
      return { _tag: "TimedOut", afterMillis: silentMillis };
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
      return { _tag: "Reset", cause };
    case "EADDRINUSE":
      return { _tag: "AddressInUse", cause };
    case "EADDRNOTAVAIL":
      return { _tag: "AddressNotAvailable", cause };
    case "EACCES":
    case "EPERM":
      return { _tag: "PermissionDenied", cause };
    case "EMFILE":
    case "ENFILE":
      return { _tag: "TooManyOpen", cause };
    default:
      return { _tag: "Other", cause };
  }
};

/** The typed error of a system error at `address`; `silentMillis` is for how long nothing was heard, for time-outs. */
export const fromErrno = (address: string, cause: unknown, silentMillis: number): TransportError =>
  new TransportError({ address, reason: reasonOf(cause, silentMillis) });

/** A system error in words for people, for those who have no use for the type of it. */
export const inWords = (cause: unknown): Error => new Error(fromErrno("", cause, 0).why, { cause });
