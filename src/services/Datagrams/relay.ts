/** What is known of the relay that UDP goes through behind a proxy, for those who tell people why nothing comes. It relays nothing itself. */
import * as Context from "effect/Context";

/** There is no relay now; what needs UDP waits. */
export interface RelayLoss {
  /** The proxy, `host:port`. */
  readonly proxy: string;
  /** Milliseconds of the monotonic clock. */
  readonly since: number;
  /** For people. */
  readonly why: string;
}

/** The relay as it stands. */
export interface UdpRelay {
  /** Absent while there is one, and where none is needed. */
  readonly lost: () => RelayLoss | undefined;
}

/** By default UDP goes straight out. */
export const UdpRelay = Context.Reference<UdpRelay>("bt-effect/services/Datagrams/UdpRelay", {
  defaultValue: () => ({ lost: () => undefined }),
});
