/**
 * Peer ids (BEP 20): ours, and what others' tell of their client. Ids are claims without proof: the names are for display and nothing is
 * decided by them.
 */

/** The length of a peer id, in bytes. */
export const PEER_ID_LENGTH = 20;
/** Bytes of a peer id of ours that are random. */
export const PEER_ID_RANDOM_LENGTH = 12;
/** Characters of a client's name that are shown. */
const MAX_CLIENT_LENGTH = 64;

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-";

/** A peer id of ours for `version` (`major.minor.patch`): `-BE`, one digit (base 36, capped) for each part and a zero, `-`, `random`. */
export const makePeerId = (version: string, random: Uint8Array): Uint8Array => {
  const parts = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1) ?? ["0", "0", "0"];
  const digits = parts.map((part) => DIGITS.charAt(Math.min(Number(part), 35)));
  const id = new Uint8Array(PEER_ID_LENGTH);
  id.set(new TextEncoder().encode(`-BE${digits.join("")}0-`));
  id.set(random.subarray(0, PEER_ID_RANDOM_LENGTH), PEER_ID_LENGTH - PEER_ID_RANDOM_LENGTH);
  return id;
};

/** `text` from a peer, without control, formatting and unassigned characters, at most 64 characters: fit for a terminal. */
export const printable = (text: string): string =>
  Array.from(text.slice(0, 4 * MAX_CLIENT_LENGTH).replace(/\p{C}/gu, ""))
    .slice(0, MAX_CLIENT_LENGTH)
    .join("")
    .trim();

const numbers = (digits: string): ReadonlyArray<number> => Array.from(digits, (digit) => DIGITS.indexOf(digit));

/** `1230`: 1.2.3, `123B`: 1.2.3.11. */
const plain = (version: string): string => numbers(version.replace(/0$/, "")).join(".");

/** `0241`: 2.41. */
const twoByTwo = (version: string): string => `${Number(version.slice(0, 2))}.${version.slice(2)}`;

const stage = (mark: string): string => {
  if (mark === "B" || mark === "b") return " (Beta)";
  return /[XZxz]/.test(mark) ? " (Dev)" : "";
};

/** `0072`: 0.72, `2940`: 2.94, `400B`: 4.0.0 (Beta). */
const transmission = (version: string): string => {
  if (version.startsWith("00")) return `0.${version.slice(2)}`;
  const [major = "", minor = "", patch = "", mark = ""] = version;
  return `${major}.${minor}${major < "4" ? "" : "."}${patch}${stage(mark)}`;
};

/** `33D1`: 3.3 Dev 1. */
const ktorrent = (version: string): string => {
  const [major = "", minor = "", kind = "", patch = ""] = version;
  const named = { D: "Dev", R: "RC" }[kind];
  return named === undefined ? plain(version) : `${major}.${minor} ${named} ${patch}`;
};

/** `1110Q`: 1.1.10, `355S-`: 3.5.5. */
const utorrent = (version: string): string => {
  const [major = "", minor = "", patch = "", mark = "", last = ""] = version;
  return last === "-" ? `${major}.${minor}.${patch}${stage(mark)}` : `${major}.${minor}.${patch}${mark}${stage(last)}`;
};

/** Clients by their two letters, and how they write their version where it is not `plain`. */
const CLIENTS: Readonly<Record<string, readonly [name: string, version?: (digits: string) => string]>> = {
  AZ: ["Azureus"],
  BC: ["BitComet", twoByTwo],
  BE: ["bt-effect"],
  BI: ["BiglyBT"],
  BT: ["BitTorrent", utorrent],
  DE: ["Deluge"],
  FD: ["Free Download Manager"],
  FL: ["Flud"],
  FW: ["FrostWire"],
  GT: ["anacrolix/torrent"],
  KT: ["KTorrent", ktorrent],
  LT: ["libtorrent"],
  PI: ["PicoTorrent"],
  TL: ["Tribler"],
  TR: ["Transmission", transmission],
  UM: ["uTorrent Mac", utorrent],
  UT: ["uTorrent", utorrent],
  UW: ["uTorrent Web", utorrent],
  WD: ["WebTorrent Desktop"],
  WW: ["WebTorrent"],
  XL: ["Xunlei"],
  lt: ["rTorrent"],
  qB: ["qBittorrent"],
  rQ: ["rqbit"],
};

const azureusStyle = (code: string, version: string, last: string): string | undefined => {
  const known = CLIENTS[code];
  const write = known?.[1] ?? plain;
  if (write === utorrent) return `${known?.[0]} ${utorrent(version + last)}`;
  return last === "-" ? `${known?.[0] ?? code} ${write(version)}` : undefined;
};

/** Letters of clients that write their version after one letter, in digits of base 64. */
const SHADOW_CLIENTS: Readonly<Record<string, string>> = {
  A: "ABC",
  O: "Osprey Permaseed",
  Q: "BTQueue",
  R: "Tribler",
  S: "Shadow",
  T: "BitTornado",
  U: "UPnP NAT Bit Torrent",
};

/** Clients that write their version in decimals with hyphens between. */
const MAINLINE_CLIENTS: Readonly<Record<string, string>> = { M: "Mainline", Q: "Queen Bee", "A2-": "aria2" };

/** The known forms of ids, the first that fits counts; a form may still decline. */
const FORMS: ReadonlyArray<
  readonly [form: RegExp, name: (groups: ReadonlyArray<string | undefined>) => string | undefined]
> = [
  [
    /^-([A-Za-z][0-9A-Za-z])([0-9A-Za-z.]{4})([-0-9A-Za-z])/,
    ([, code = "", version = "", last = ""]) => azureusStyle(code, version, last),
  ],
  [/^(M|Q|A2-)(\d+)-(\d+)-(\d+)-/, ([, code = "", ...version]) => `${MAINLINE_CLIENTS[code]} ${version.join(".")}`],
  [/^XBT(\d)(\d)(\d)([d-])-/, ([, a, b, c, mark]) => `XBT ${a}.${b}.${c}${mark === "d" ? " (debug)" : ""}`],
  [/^TIX(\d{4})/, ([, version = ""]) => `Tixati ${twoByTwo(version)}`],
  [
    /^([AOQRSTU])([0-9A-Za-z.]{1,5})--/,
    ([, code = "", version = ""]) => `${SHADOW_CLIENTS[code]} ${numbers(version).join(".")}`,
  ],
];

/** The client that a peer id speaks of, with its version, for display; "unknown" where it has no known form. */
export const clientName = (peerId: Uint8Array): string => {
  const text = String.fromCharCode(...peerId.subarray(0, PEER_ID_LENGTH));
  for (const [form, name] of FORMS) {
    const groups = form.exec(text);
    const found = groups === null ? undefined : name(groups);
    if (found !== undefined) return found;
  }
  return "unknown";
};
