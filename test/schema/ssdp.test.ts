import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { decodeSearchAnswer, encodeSearch } from "../../src/schema/ssdp.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const answer = (location: string): Uint8Array =>
  bytes(`HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLOCATION: ${location}\r\nEXT:\r\n\r\n`);

describe("ssdp", () => {
  it("calls internet gateways", () => {
    assert.strictEqual(
      new TextDecoder().decode(encodeSearch()),
      'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 2\r\n' +
        "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
    );
  });

  it("reads where a device describes itself", () => {
    assert.strictEqual(
      decodeSearchAnswer(answer("http://192.168.0.1:5431/x.xml"))?.href,
      "http://192.168.0.1:5431/x.xml",
    );
    assert.strictEqual(decodeSearchAnswer(bytes("HTTP/1.1 200 OK\nlocation:http://a/\n\n"))?.href, "http://a/");
  });

  it("refuses other packets, other schemes, and what is too long", () => {
    assert.isUndefined(decodeSearchAnswer(encodeSearch()));
    assert.isUndefined(decodeSearchAnswer(bytes("HTTP/1.1 404 Not Found\r\nLOCATION: http://a/\r\n\r\n")));
    assert.isUndefined(decodeSearchAnswer(bytes("HTTP/1.1 200 OK\r\n\r\n")));
    for (const location of ["", "file:///etc/passwd", "https://a/", "/x", "http://"])
      assert.isUndefined(decodeSearchAnswer(answer(location)));
    assert.isUndefined(decodeSearchAnswer(answer(`http://a/${"x".repeat(2_048)}`)));
  });

  it.prop("never throws at arbitrary bytes", { packet: Schema.Uint8Array }, ({ packet }) => {
    decodeSearchAnswer(packet);
    decodeSearchAnswer(Uint8Array.of(...bytes("HTTP/1.1 200 OK\r\nLOCATION: http:"), ...packet));
  });
});
