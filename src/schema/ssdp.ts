/** How UPnP devices of the local network are found (SSDP, UPnP Device Architecture 1.1 §1.3). Pure; sockets and timing are services/PortMapping/upnp.ts. */
import * as NetAddress from "effect/net/NetAddress";

/** Where devices listen. */
export const SSDP_GROUP: NetAddress.InetAddress = NetAddress.inetAddressFromStringUnsafe("239.255.255.250:1900");
/** Seconds within which devices answer. */
const MAX_WAIT = 2;
/** Bytes of an answer that is looked at: real ones have less than 600. */
const MAX_ANSWER = 2_048;

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Calls internet gateways (those of version 2 answer for version 1 as well). */
export const encodeSearch = (): Uint8Array =>
  encoder.encode(
    [
      "M-SEARCH * HTTP/1.1",
      `HOST: ${NetAddress.formatInet(SSDP_GROUP)}`,
      'MAN: "ssdp:discover"',
      `MX: ${MAX_WAIT}`,
      "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
      "",
      "",
    ].join("\r\n"),
  );

/** Where the device that answers describes itself: an http URL; undefined when the bytes are no such answer. */
export const decodeSearchAnswer = (bytes: Uint8Array): URL | undefined => {
  if (bytes.length > MAX_ANSWER) return undefined;
  const [first = "", ...lines] = decoder.decode(bytes).split(/\r?\n/);
  if (!/^HTTP\/1\.\d 200\b/.test(first)) return undefined;
  const location = lines.find((line) => /^location:/i.test(line))?.slice("location:".length);
  const url = URL.parse(location?.trim() ?? "");
  return url?.protocol === "http:" ? url : undefined;
};
