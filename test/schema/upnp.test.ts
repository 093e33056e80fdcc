import { assert, describe, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { encodeSoap, MAX_DOCUMENT, parseDescription, parseSoap } from "../../src/schema/upnp.ts";
import { describeFixtures, fixture } from "../support/fixtures.ts";

const AT = new URL("http://192.168.0.1:5431/igd.xml");
const describing = (services: string, base = "") =>
  `<root>${base}<device><serviceList>${services}</serviceList></device></root>`;
const service = (name: string, control: string) =>
  `<service><serviceType>urn:schemas-upnp-org:service:${name}</serviceType><controlURL>${control}</controlURL></service>`;
const found = (document: string) =>
  Effect.map(parseDescription(document, AT), (it) => it && [it.type.split(":").slice(-2).join(":"), it.control.href]);

describeFixtures("upnp, recorded descriptions", () => {
  // D-Link leaves the placeholders of its firmware in the URLs, and one of them names 127.0.0.1 as its base.
  for (const [name, type, path] of [
    ["upnp-root1.xml", "WANIPConnection:1", "/wipconn"],
    ["upnp-root2.xml", "WANIPConnection:1", "/WANIPConnection"],
    ["upnp-root3.xml", "WANIPConnection:2", "/WANIPConnection"],
    ["upnp-devices-0.xml", "WANIPConnection:1", "/upnp/control/WANIPConnection0"],
  ] as const)
    it.effect(`finds the service of ${name} on the device itself`, () =>
      Effect.gen(function* () {
        const document = new TextDecoder().decode(fixture(`recorded/${name}`));
        assert.deepStrictEqual(yield* found(document), [type, `http://192.168.0.1:5431${path}`]);
      }),
    );
});

describe("upnp", () => {
  it.effect("takes the best of several services, and none where there is none", () =>
    Effect.gen(function* () {
      const both = service("WANPPPConnection:1", "/ppp") + service("WANIPConnection:1", "ip");
      assert.deepStrictEqual(yield* found(describing(both)), ["WANIPConnection:1", "http://192.168.0.1:5431/ip"]);
      assert.isUndefined(yield* found(describing(service("Layer3Forwarding:1", "/l3"))));
      assert.isUndefined(yield* found(describing(service("WANIPConnection:1", ""))));
    }),
  );

  it.effect("takes another port of the same host, but never another host or scheme", () =>
    Effect.gen(function* () {
      for (const [control, url] of [
        ["http://192.168.0.1:4444/c", "http://192.168.0.1:4444/c"],
        ["http://192.168.0.2:4444/c", "http://192.168.0.1:5431/c"],
        ["https://192.168.0.1/c", "http://192.168.0.1:5431/c"],
        ["file:///c", "http://192.168.0.1:5431/c"],
      ] as const)
        assert.deepStrictEqual(yield* found(describing(service("WANIPConnection:1", control))), [
          "WANIPConnection:1",
          url,
        ]);
      assert.isUndefined(yield* found(describing(service("WANIPConnection:1", "//evil.test/c"))));
      const base = "<URLBase>http://192.168.0.1:80/a/</URLBase>";
      assert.deepStrictEqual(yield* found(describing(service("WANIPConnection:1", "c"), base)), [
        "WANIPConnection:1",
        "http://192.168.0.1/a/c",
      ]);
    }),
  );

  it("writes a call with its arguments in order, escaped", () => {
    const body = encodeSoap("urn:t:1", "Do", [
      ["NewA", "<&>"],
      ["NewB", 7],
    ]);
    assert.include(body, '<u:Do xmlns:u="urn:t:1"><NewA>&#60;&#38;&#62;</NewA><NewB>7</NewB></u:Do>');
  });

  it.effect("reads the values of an answer", () =>
    Effect.gen(function* () {
      const answer = yield* parseSoap(
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:GetExternalIPAddressResponse xmlns:u="urn:x"><NewExternalIPAddress>203.0.113.9</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body></s:Envelope>',
      );
      assert.strictEqual(answer._tag === "Values" && answer.values.get("NewExternalIPAddress"), "203.0.113.9");
    }),
  );

  it.effect("reads a fault, with its code where there is one", () =>
    Effect.gen(function* () {
      const fault = (detail: string) => `<s:Envelope><s:Body><s:Fault>${detail}</s:Fault></s:Body></s:Envelope>`;
      const detail = `<faultcode>s:Client</faultcode><detail><UPnPError><errorCode>718</errorCode><errorDescription>ConflictInMappingEntry${"x".repeat(500)}</errorDescription></UPnPError></detail>`;
      const answer = yield* parseSoap(fault(detail));
      assert.strictEqual(answer._tag === "Fault" && answer.code, 718);
      assert.lengthOf(answer._tag === "Fault" ? answer.text : "", 200);
      assert.deepStrictEqual(yield* parseSoap(fault("")), { _tag: "Fault", code: 0, text: "fault" });
    }),
  );

  it.effect("refuses what is no XML, too deep, too long, or expands entities", () =>
    Effect.gen(function* () {
      for (const document of [
        "",
        "not found",
        "<a>",
        "<a>".repeat(40) + "</a>".repeat(40),
        `<a>${"<b/>".repeat(MAX_DOCUMENT / 4)}</a>`,
        `<a b="${"x".repeat(10_000)}"/>`,
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
      ]) {
        assert.strictEqual((yield* Effect.flip(parseDescription(document, AT)))._tag, "XmlError");
        assert.strictEqual((yield* Effect.flip(parseSoap(document)))._tag, "XmlError");
      }
    }),
  );

  it.effect.prop("fails with nothing but its error at arbitrary text", { text: Schema.String }, ({ text }) =>
    Effect.gen(function* () {
      yield* Effect.ignore(parseSoap(text));
      yield* Effect.ignore(parseDescription(`<root><service><controlURL>${text}</controlURL></service></root>`, AT));
      yield* Effect.ignore(parseDescription(describing(service("WANIPConnection:1", text)), AT));
    }),
  );
});
