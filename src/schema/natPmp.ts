/** The packets of NAT-PMP (RFC 6886). Pure; who sends them is services/PortMapping/natPmp.ts. */
import * as NetAddress from "effect/net/NetAddress";
import type { Mapping } from "./portMapping.ts";

const MAP_LENGTH = 12;
const ADDRESS_ANSWER_LENGTH = 12;
const MAP_ANSWER_LENGTH = 16;
/** What every answer begins with, and a refusal may end with. */
const HEAD_LENGTH = 8;
const OPCODE = { address: 0, UDP: 1, TCP: 2 } as const;
/** Answers have the opcode of the request plus this. */
const ANSWER = 128;

const RESULTS: ReadonlyArray<string> = [
  "ok",
  "unsupported version",
  "not authorized",
  "no network",
  "out of resources",
  "unsupported opcode",
];

/** What a result code means (RFC 6886 §3.5). */
export const natPmpResult = (result: number): string => RESULTS[result] ?? "unknown result";

/** What a router says; `epoch` in seconds. */
export type NatPmpAnswer =
  | { readonly _tag: "Address"; readonly epoch: number; readonly address: NetAddress.Ipv4Address }
  | (Mapping & { readonly _tag: "Mapped"; readonly epoch: number; readonly lifetime: number })
  | { readonly _tag: "Refused"; readonly opcode: number; readonly result: number; readonly epoch: number };

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Asks for the external address. */
export const encodeNatPmpAddress = (): Uint8Array => Uint8Array.of(0, OPCODE.address);

/** Asks for a mapping of `lifetime` seconds; with 0 for its end (the external port is then to be 0, RFC 6886 §3.4). */
export const encodeNatPmpMap = (mapping: Mapping, lifetime: number): Uint8Array => {
  const bytes = new Uint8Array(MAP_LENGTH);
  const data = view(bytes);
  data.setUint8(1, OPCODE[mapping.protocol]);
  data.setUint16(4, mapping.internal);
  data.setUint16(6, lifetime === 0 ? 0 : mapping.external);
  data.setUint32(8, lifetime);
  return bytes;
};

/** Reads an answer; undefined when it is none, or cut off. */
export const decodeNatPmp = (bytes: Uint8Array): NatPmpAnswer | undefined => {
  if (bytes.length < HEAD_LENGTH || bytes[0] !== 0) return undefined;
  const data = view(bytes);
  const opcode = data.getUint8(1) - ANSWER;
  if (opcode < 0) return undefined;
  const result = data.getUint16(2);
  const epoch = data.getUint32(4);
  if (result !== 0) return { _tag: "Refused", opcode, result, epoch };
  if (opcode === OPCODE.address) {
    if (bytes.length < ADDRESS_ANSWER_LENGTH) return undefined;
    return { _tag: "Address", epoch, address: NetAddress.ipv4FromBytesUnsafe(bytes.slice(8, ADDRESS_ANSWER_LENGTH)) };
  }
  if ((opcode !== OPCODE.UDP && opcode !== OPCODE.TCP) || bytes.length < MAP_ANSWER_LENGTH) return undefined;
  return {
    _tag: "Mapped",
    protocol: opcode === OPCODE.UDP ? "UDP" : "TCP",
    epoch,
    internal: data.getUint16(8),
    external: data.getUint16(10),
    lifetime: data.getUint32(12),
  };
};
