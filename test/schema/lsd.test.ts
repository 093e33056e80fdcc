import { assert, describe, it } from "@effect/vitest";
import { Option, Schema } from "effect";
import { NetAddress } from "effect/net";
import { decodeLsd, encodeLsd, LSD_GROUPS, MAX_LSD_LENGTH, MAX_LSD_TORRENTS } from "../../src/schema/lsd.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const HASH = "0123456789abcdef0123456789abcdef01234567";
const [v4 = NetAddress.inetAddressFromStringUnsafe("0.0.0.0:0")] = LSD_GROUPS;
const hashes = (count: number) => Array.from({ length: count }, (_, index) => index.toString(16).padStart(40, "0"));
const packet = (...lines: ReadonlyArray<string>) => ascii(["BT-SEARCH * HTTP/1.1", ...lines, "", ""].join("\r\n"));

describe("lsd", () => {
  it("gives back what was encoded, and fits a packet with as many torrents as we put into one", () => {
    for (const group of LSD_GROUPS) {
      const announce = { port: 65_535, infoHashes: hashes(MAX_LSD_TORRENTS), cookie: "ffffffff" };
      const bytes = encodeLsd(group, announce);
      assert.isAtMost(bytes.length, MAX_LSD_LENGTH);
      assert.deepStrictEqual(decodeLsd(bytes), Option.some(announce));
    }
  });

  it("does not care about the case of names, the order, spaces, the kind of line ends and what it does not know", () => {
    assert.deepStrictEqual(
      decodeLsd(ascii(`BT-SEARCH * HTTP/1.1\nINFOHASH:${HASH.toUpperCase()}\nX: y\n\nport:  7 \nhost: elsewhere`)),
      Option.some({ port: 7, infoHashes: [HASH] }),
    );
  });

  it("names each torrent once", () => {
    assert.deepStrictEqual(
      decodeLsd(packet("Port: 1", `Infohash: ${HASH}`, `Infohash: ${HASH}`)),
      Option.some({ port: 1, infoHashes: [HASH] }),
    );
  });

  it("is none without a port, a torrent or the first line, or when it is too long", () => {
    const none = [
      packet(`Infohash: ${HASH}`),
      packet("Port: 0", `Infohash: ${HASH}`),
      packet("Port: 65536", `Infohash: ${HASH}`),
      packet("Port: -1", `Infohash: ${HASH}`),
      packet("Port: 1"),
      packet("Port: 1", `Infohash: ${HASH}0`),
      ascii(`M-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ${HASH}\r\n`),
      packet("Port: 1", `Infohash: ${HASH}`, "x".repeat(MAX_LSD_LENGTH)),
      new Uint8Array(0),
    ];
    for (const bytes of none) assert.isTrue(Option.isNone(decodeLsd(bytes)));
  });

  it.prop(
    "never throws, and gives nothing that is out of bounds",
    [Schema.String, Schema.Uint8Array],
    ([text, bytes]) => {
      assert.isTrue(Option.isNone(decodeLsd(bytes)));
      const decoded = decodeLsd(packet(text, "Port: 1", `Infohash: ${HASH}`, `cookie: ${text}`));
      if (Option.isNone(decoded)) return;
      assert.isAtMost(decoded.value.cookie?.length ?? 0, 128);
      assert.isTrue(decoded.value.port > 0 && decoded.value.port < 65_536);
    },
  );
});

describeFixtures("the published vectors of BEP 14", () => {
  const { example, multicast } = vectors(
    "bep14_lsd",
    Schema.Struct({ example: Schema.String, multicast: Schema.Array(Schema.String) }),
  );

  it("name the groups", () => {
    assert.deepStrictEqual(LSD_GROUPS.map(NetAddress.formatInet), multicast);
  });

  it("are what is encoded and decoded", () => {
    const announce = { port: 6881, infoHashes: [HASH], cookie: "abc" };
    assert.strictEqual(new TextDecoder().decode(encodeLsd(v4, announce)), example);
    assert.deepStrictEqual(decodeLsd(ascii(example)), Option.some(announce));
  });
});
