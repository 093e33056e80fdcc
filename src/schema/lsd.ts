/** Local service discovery (BEP 14): the packet by which a client tells its neighbours which torrents it has. Sockets and timing are elsewhere. */
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";

/** Where the packets go, IPv4 and IPv6 (BEP 14). */
export const LSD_GROUPS: ReadonlyArray<NetAddress.InetAddress> = ["239.192.152.143:6771", "[ff15::efc0:988f]:6771"].map(
  NetAddress.inetAddressFromStringUnsafe,
);
/** Bytes of a packet at the most (BEP 14). */
export const MAX_LSD_LENGTH = 1_400;
/** Torrents in one packet of ours: 52 bytes each, after less than 150 of everything else. */
export const MAX_LSD_TORRENTS = 24;
/** Characters of a cookie that are looked at. */
const MAX_COOKIE = 128;

/** What is said to a group. */
export interface LsdAnnounce {
  /** Where the sender listens (TCP); its address is the packet's. */
  readonly port: number;
  /** Lower-case hex, each once. */
  readonly infoHashes: ReadonlyArray<string>;
  /** By which a sender knows its own packets. */
  readonly cookie?: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** A packet for `group`. */
export const encodeLsd = (group: NetAddress.InetAddress, { cookie, infoHashes, port }: LsdAnnounce): Uint8Array =>
  encoder.encode(
    [
      "BT-SEARCH * HTTP/1.1",
      `Host: ${NetAddress.formatInet(group)}`,
      `Port: ${port}`,
      ...infoHashes.map((hex) => `Infohash: ${hex}`),
      ...(cookie === undefined ? [] : [`cookie: ${cookie}`]),
      "",
      "",
      "",
    ].join("\r\n"),
  );

/** Reads a packet; none when it is something else, too long, or names no port or no torrent. */
export const decodeLsd = (bytes: Uint8Array): Option.Option<LsdAnnounce> => {
  if (bytes.length > MAX_LSD_LENGTH) return Option.none();
  const [first = "", ...lines] = decoder.decode(bytes).split(/\r?\n/);
  if (!/^BT-SEARCH \* HTTP\/1\.\d$/.test(first)) return Option.none();
  let port = 0;
  let cookie: string | undefined;
  const infoHashes = new Set<string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(colon, 0)).toLowerCase()) {
      case "port":
        if (/^\d{1,5}$/.test(value)) port = Number(value);
        break;
      case "infohash":
        if (/^[\da-f]{40}$/i.test(value)) infoHashes.add(value.toLowerCase());
        break;
      case "cookie":
        cookie = value.slice(0, MAX_COOKIE);
    }
  }
  return port === 0 || port > 65_535 || infoHashes.size === 0
    ? Option.none()
    : Option.some({ port, infoHashes: [...infoHashes], ...(cookie !== undefined && { cookie }) });
};
