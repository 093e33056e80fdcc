/**
 * RC4 as WebAssembly, put together here from its instructions. Faster than JavaScript by one trick: the next entry of the state is read before the current
 * two are written, so that the processor never waits to see whether they are the same; where they are, the entry is taken from the register instead.
 *
 * State: one instance of the module serves all streams, and one each room that was lent, which is safe because they are only ever used within one synchronous
 * call. A stream keeps its own 258 bytes and lends them to the module for each call.
 */
import { type Rc4, schedule, STATE_LENGTH } from "./schedule.ts";

/** A memory of the module: the state's entries, i, j; from `DATA` on what is enciphered in place. */
const I = STATE_LENGTH;
const J = I + 1;
const STATE_BYTES = J + 1;
const DATA = 1024;
/** Bytes that are copied to be enciphered, at once, so that they stay in the nearest cache. */
const RUN_BYTES = 16_384;
const PAGE_BYTES = 65_536;

// Locals of the function; the first two are its parameters.
const AT = 0;
const END = 1;
const IX = 2;
const JX = 3;
const X = 4;
const Y = 5;
const AHEAD = 6;
const NEXT = 7;

// Instructions of the WebAssembly core specification, by their names in its text format; on i32 where the name does not say otherwise.
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const load8 = (offset = 0) => [0x2d, 0, ...unsigned(offset)];
const store8 = (offset = 0) => [0x3a, 0, ...unsigned(offset)];
const CONST_0 = [0x41, 0];
const ADD = 0x6a;
const SUB = 0x6b;
const XOR = 0x73;
const EQ = 0x46;
const GT_U = 0x4b;
const GE_U = 0x4f;
const SELECT = 0x1b;
const BLOCK = [0x02, 0x40];
const LOOP = [0x03, 0x40];
const BR = 0x0c;
const BR_IF = 0x0d;
const END_OF_BLOCK = 0x0b;
const ADD_1 = [0x41, 1, ADD];
const ADD_8 = [0x41, 8, ADD];
const I64_LOAD = [0x29, 0, 0];
const I64_STORE = [0x37, 0, 0];
const I64_EXTEND = 0xad;
const I64_SHL = 0x86;
const I64_OR = 0x84;
const I64_XOR = 0x85;
const i64 = (value: number) => [0x42, value];
/** `i32.const 255`, `i32.and` */
const LOW_BYTE = [0x41, 0xff, 0x01, 0x71];

/** A number as LEB128. */
function unsigned(value: number): Array<number> {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
const sized = (bytes: ReadonlyArray<number>) => [...unsigned(bytes.length), ...bytes];
const section = (id: number, bytes: ReadonlyArray<number>) => [id, ...sized(bytes)];
const text = (ascii: string) => sized(Array.from(ascii, (letter) => letter.charCodeAt(0)));

/** Leaves the next byte of the key stream on the stack. `i` and `x = S[i]` are ready, and are made ready again for the byte after. */
const STEP = [
  // j = (j + x) & 255, y = S[j]
  [...get(JX), ...get(X), ADD, ...LOW_BYTE, ...tee(JX), ...load8(), ...set(Y)],
  // next = (i + 1) & 255, ahead = S[next]
  [...get(IX), ...ADD_1, ...LOW_BYTE, ...tee(NEXT), ...load8(), ...set(AHEAD)],
  // S[i] = y, S[j] = x
  [...get(IX), ...get(Y), ...store8(), ...get(JX), ...get(X), ...store8()],
  // S[(x + y) & 255] stays on the stack
  [...get(X), ...get(Y), ADD, ...LOW_BYTE, ...load8()],
  // i = next, x = j == i ? x : ahead
  [...get(X), ...get(AHEAD), ...get(JX), ...get(NEXT), ...tee(IX), EQ, SELECT, ...set(X)],
].flat();

/** Leaves the next eight bytes of the key stream on the stack as one i64, the first lowest: one load and one store of data serve all eight. */
const EIGHT_STEPS = [
  [...STEP, I64_EXTEND],
  ...[8, 16, 24, 32, 40, 48, 56].map((bits) => [...STEP, I64_EXTEND, ...i64(bits), I64_SHL, I64_OR]),
].flat();

/** `run(at, end)`: enciphers the bytes from `at` up to `end`. */
const RUN = [
  [1, 6, 0x7f], // six locals of type i32
  // i = (I + 1) & 255, x = S[i], j = J
  [...CONST_0, ...load8(I), ...ADD_1, ...LOW_BYTE, ...tee(IX), ...load8(), ...set(X)],
  [...CONST_0, ...load8(J), ...set(JX)],
  [...BLOCK, ...LOOP],
  [...get(AT), ...ADD_8, ...get(END), GT_U, BR_IF, 1],
  [...get(AT), ...get(AT), ...I64_LOAD, ...EIGHT_STEPS, I64_XOR, ...I64_STORE],
  [...get(AT), ...ADD_8, ...set(AT)],
  [BR, 0, END_OF_BLOCK, END_OF_BLOCK],
  [...BLOCK, ...LOOP],
  [...get(AT), ...get(END), GE_U, BR_IF, 1],
  [...get(AT), ...get(AT), ...load8(), ...STEP, XOR, ...store8()],
  [...get(AT), ...ADD_1, ...set(AT)],
  [BR, 0, END_OF_BLOCK, END_OF_BLOCK],
  // I = (i - 1) & 255, J = j: a store takes the low byte alone
  [...CONST_0, ...get(IX), 0x41, 1, SUB, ...store8(I)],
  [...CONST_0, ...get(JX), ...store8(J)],
  [END_OF_BLOCK],
].flat();

/** The module: one function, exported, on a memory that is given to it. */
const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [1, 0x60, 2, 0x7f, 0x7f, 0]), // types: (i32, i32) -> ()
  ...section(2, [1, ...text("on"), ...text("memory"), 2, 0, 1]), // imports: a memory of at least a page
  ...section(3, [1, 0]), // functions: one of the first type
  ...section(7, [1, ...text("run"), 0, 0]),
  ...section(10, [1, ...sized(RUN)]),
]);

interface Memory {
  readonly buffer: ArrayBuffer;
}

/** As much of WebAssembly as is used here, with what `MODULE` exports; Node's types do not tell of it. Absent under `--jitless`. */
declare const WebAssembly:
  | {
      readonly Memory: new (pages: { readonly initial: number }) => Memory;
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (
        module: object,
        imports: { readonly on: { readonly memory: Memory } },
      ) => { readonly exports: { readonly run: (at: number, end: number) => void } };
    }
  | undefined;

/** A memory and the module on it, which is made when it is first needed. */
interface Machine {
  readonly bytes: Uint8Array;
  readonly state: Uint8Array;
  readonly run: (at: number, end: number) => void;
}

let compiled: object | undefined;

/** A machine with room for so many bytes; `undefined` where there is no WebAssembly, or the system lets no more addresses be had. */
const makeMachine = (length: number): Machine | undefined => {
  if (typeof WebAssembly === "undefined") return undefined;
  const { Instance, Memory, Module } = WebAssembly;
  try {
    const memory = new Memory({ initial: Math.ceil((DATA + length) / PAGE_BYTES) });
    const bytes = new Uint8Array(memory.buffer);
    let run: Machine["run"] | undefined;
    return {
      bytes,
      state: bytes.subarray(0, STATE_BYTES),
      run: (at, end) => {
        run ??= new Instance((compiled ??= new Module(MODULE)), { on: { memory } }).exports.run;
        run(at, end);
      },
    };
  } catch {
    return undefined;
  }
};

/** For bytes that lie anywhere else. */
let shared: Machine | undefined;
/** By the memory that was lent. */
const lent = new WeakMap<ArrayBufferLike, Machine>();

/** `length` bytes that streams encipher where they lie, without copying them; they are for one synchronous use at a time. `undefined` where there is no WebAssembly. */
export const wasmRoom = (length: number): Uint8Array | undefined => {
  const machine = makeMachine(length);
  if (machine === undefined) return undefined;
  lent.set(machine.bytes.buffer, machine);
  return machine.bytes.subarray(DATA, DATA + length);
};

/** Copied there and back. */
const applyBesides = ({ bytes, run }: Machine, from: Uint8Array, to: Uint8Array): void => {
  for (let at = 0; at < from.length; at += RUN_BYTES) {
    const end = DATA + Math.min(RUN_BYTES, from.length - at);
    bytes.set(from.length <= RUN_BYTES ? from : from.subarray(at, at + RUN_BYTES), DATA);
    run(DATA, end);
    to.set(bytes.subarray(DATA, end), at);
  }
};

/** A stream at its beginning; `undefined` where there is no WebAssembly. */
export const makeWasmRc4 = (key: Uint8Array): Rc4 | undefined => {
  const besides = (shared ??= makeMachine(RUN_BYTES));
  if (besides === undefined) return undefined;
  const own = new Uint8Array(STATE_BYTES);
  own.set(schedule(key));
  return {
    apply: (from, to) => {
      const there = from === to ? lent.get(from.buffer) : undefined;
      const { run, state } = there ?? besides;
      state.set(own);
      if (there === undefined) applyBesides(besides, from, to);
      else run(from.byteOffset, from.byteOffset + from.length);
      own.set(state);
    },
  };
};
