/** Where we are in the local network, as far as port mapping needs to know, and HTTP towards it. Made by live.ts from the machine, by tests as they like. */
import type * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type * as Option from "effect/Option";

/** A request to a UPnP device. */
export interface DeviceRequest {
  readonly url: URL;
  /** Absent: GET; else what is posted, with the value of the header SOAPAction. */
  readonly call?: { readonly action: string; readonly body: string };
}

/** What a device answered, whatever its status. */
export interface DeviceAnswer {
  readonly text: string;
  /** The address that we have towards the device. */
  readonly own: NetAddress.IpAddress;
}

/** The default gateway, the group and the ways of talking to them. */
export interface Surroundings {
  /** The default gateway and our own address towards it; none: there is none, or no way of knowing. */
  readonly gateway: Effect.Effect<
    Option.Option<{ readonly router: NetAddress.InetAddress; readonly own: NetAddress.IpAddress }>
  >;
  /** Whether a device that is not known to be the gateway may be asked: where the system does not tell which address that has. */
  readonly trusting: boolean;
  readonly group: NetAddress.InetAddress;
  /** Takes a bounded time and bounded memory. */
  readonly exchange: (request: DeviceRequest) => Effect.Effect<DeviceAnswer, unknown>;
}
