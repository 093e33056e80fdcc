/** The RC4 stream cipher, which encrypted connections (MSE/PE) use and Node no longer has. It hides from onlookers that look in passing; it is broken otherwise. */
import { makePlainRc4 } from "./rc4/plain.ts";
import type { Rc4 } from "./rc4/schedule.ts";
import { makeWasmRc4, wasmRoom } from "./rc4/wasm.ts";

export type { Rc4 } from "./rc4/schedule.ts";

/** A stream at its beginning, from a key of 1 to 256 bytes. */
export const makeRc4 = (key: Uint8Array): Rc4 => makeWasmRc4(key) ?? makePlainRc4(key);

/** `length` bytes that streams encipher where they lie, with less work than elsewhere; for one synchronous use at a time. */
export const rc4Room = (length: number): Uint8Array => wasmRoom(length) ?? new Uint8Array(length);
