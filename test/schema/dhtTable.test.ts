import { assert, describe, it } from "@effect/vitest";
import { Option, Schema } from "effect";
import { decodeTable, encodeTable, type SavedTable } from "../../src/schema/dhtTable.ts";
import { inet } from "../support/dht.ts";

const id = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);

describe("dhtTable", () => {
  it("reads what it writes, of both families", () => {
    const table: SavedTable = new Map([
      ["IPv4", { id: id(1), nodes: [{ id: id(2), address: inet("1.2.3.4:5") }] }],
      ["IPv6", { id: id(3), nodes: [{ id: id(4), address: inet("[2001:db8::1]:6881") }] }],
    ]);
    assert.deepStrictEqual(decodeTable(encodeTable(table)), Option.some(table));
    const alone: SavedTable = new Map([["IPv4", { id: id(1), nodes: [] }]]);
    assert.deepStrictEqual(decodeTable(encodeTable(alone)), Option.some(alone));
  });

  it("has nothing where there is nothing, or something else", () => {
    assert.deepStrictEqual(decodeTable(new Uint8Array(0)), Option.none());
    assert.deepStrictEqual(decodeTable(new TextEncoder().encode("le")), Option.none());
  });

  it.prop("never throws, whatever was in the file", [Schema.Uint8Array], ([bytes]) => {
    assert.isDefined(decodeTable(bytes));
  });
});
