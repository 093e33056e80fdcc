import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { NetAddress } from "effect/net";
import { defaultGateway } from "../../src/schema/routes.ts";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const LOCAL = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const line = (gateway: string, metric: number, flags = "0003") =>
  `eth0\t00000000\t${gateway}\t${flags}\t0\t0\t${metric}\t00000000\t0\t0\t0\n`;

describe("routes", () => {
  it("finds the gateway of the default route with the lowest metric", () => {
    const table = HEAD + line("010200C0", 600) + LOCAL + line("FE00A8C0", 100);
    assert.deepStrictEqual(defaultGateway(table), NetAddress.ipFromStringUnsafe("192.168.0.254"));
  });

  it("finds none where there is no default route, it is down, or leads through no gateway", () => {
    for (const rest of ["", LOCAL, line("010200C0", 0, "0002"), line("00000000", 0, "0001")])
      assert.isUndefined(defaultGateway(HEAD + rest));
  });

  it.prop("never throws at arbitrary text", { text: Schema.String }, ({ text }) => {
    defaultGateway(text);
    defaultGateway(`eth0 00000000 ${text} 00000000`);
  });
});
