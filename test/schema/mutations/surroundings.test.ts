/** What gateways, proxies, web servers and the machine itself say, changed. */
import { assert, describe } from "@effect/vitest";
import { Effect, Exit, Result } from "effect";
import { parseIpFilter } from "../../../src/schema/ipFilter.ts";
import { decodeNatPmp } from "../../../src/schema/natPmp.ts";
import { decodePcp } from "../../../src/schema/pcp.ts";
import { defaultGateway } from "../../../src/schema/routes.ts";
import { negotiate } from "../../../src/schema/socks5.ts";
import { decodeSearchAnswer } from "../../../src/schema/ssdp.ts";
import { parseDescription, parseSoap } from "../../../src/schema/upnp.ts";
import { parseContentRange, retryAfter } from "../../../src/schema/webSeed.ts";
import { bearMutations, type Parser } from "../../support/mutations.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));

/** A failure that is the parser's own; anything else is thrown, by it or by this. */
const run = <A>(effect: Effect.Effect<A, { readonly _tag: string }>): A | undefined => {
  const exit = Effect.runSyncExit(effect);
  if (Exit.isSuccess(exit)) return exit.value;
  for (const reason of exit.cause.reasons) assert.strictEqual(reason._tag, "Fail");
  return undefined;
};

const soap = (body: string): Uint8Array => ascii(`<s:Envelope xmlns:s="x"><s:Body>${body}</s:Body></s:Envelope>`);
const service = (kind: string) =>
  `<service><serviceType>urn:schemas-upnp-org:service:${kind}</serviceType><controlURL>/ctl</controlURL></service>`;

const parsers: ReadonlyArray<Parser> = [
  [
    "SSDP",
    [ascii("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLOCATION: http://192.168.0.1:80/x.xml\r\n\r\n")],
    decodeSearchAnswer,
  ],
  [
    "XML of devices",
    [
      ascii(`<?xml version="1.0"?><root><URLBase>http://192.168.0.1/</URLBase><device><serviceList>
      ${service("WANIPConnection:1")}${service("WANPPPConnection:1")}</serviceList></device></root>`),
    ],
    (bytes) => run(parseDescription(text(bytes), new URL("http://192.168.0.1/x.xml"))),
  ],
  [
    "SOAP",
    [
      soap("<u:R><NewExternalIPAddress>1.2.3.4</NewExternalIPAddress></u:R>"),
      soap("<s:Fault><detail><errorCode>718</errorCode><errorDescription>x</errorDescription></detail></s:Fault>"),
    ],
    (bytes) => run(parseSoap(text(bytes))),
  ],
  [
    "PCP",
    [
      hex(
        `028100000000000e10000001${"00".repeat(12)}0102030405060708090a0b0c060000001ae11ae2${"00".repeat(10)}ffffcb007109`,
      ),
      hex(`0280000000000000000000090000${"00".repeat(10)}`),
    ],
    decodePcp,
  ],
  [
    "NAT-PMP",
    [hex("00800000000000010a000001"), hex("0081000000000001 1ae1 1ae2 00000e10".replaceAll(" ", ""))],
    decodeNatPmp,
  ],
  [
    "SOCKS5",
    [Uint8Array.of(5, 2, 1, 0, 5, 0, 0, 1, 9, 9, 9, 9, 1, 1), Uint8Array.of(5, 0, 5, 0, 0, 3, 2, 97, 98, 1, 1)],
    (bytes) => {
      const steps = negotiate(
        { host: "p", port: 1080, user: { name: "u", password: "p" } },
        { _tag: "Connect", to: { host: "h.test", port: 1 } },
      );
      let read = 0;
      let step = steps.next(new Uint8Array(0));
      while (step.done !== true) {
        const answer = new Uint8Array(step.value.read);
        answer.set(bytes.subarray(read, read + answer.length));
        read += answer.length;
        assert.isAtMost(read, 2 + 2 + 5 + 257);
        step = steps.next(answer);
      }
      return step.value ?? "open";
    },
  ],
  [
    "headers of web seeds",
    [ascii("bytes 0-99/1000"), ascii("120"), ascii("Wed, 21 Oct 2026 07:28:00 GMT")],
    (bytes) => {
      const wait = retryAfter(text(bytes), text(bytes), 0);
      assert.isTrue(wait >= 1 && Number.isFinite(wait));
      return [wait, parseContentRange(text(bytes))];
    },
  ],
  [
    "lists of ranges",
    [ascii("a:1.2.3.4-1.2.3.9\n10.0.0.0/8\n")],
    (bytes) => {
      const parsed = parseIpFilter(text(bytes));
      return Result.isSuccess(parsed) ? parsed.success.rules : parsed.failure;
    },
  ],
  [
    "the table of routes",
    [ascii("Iface Destination Gateway\neth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\n")],
    (bytes) => defaultGateway(text(bytes)),
  ],
];

describe("a parser of changed messages", () => {
  bearMutations(parsers);
});
