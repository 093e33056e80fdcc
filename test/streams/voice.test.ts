import { assert, describe, it } from "@effect/vitest";
import type { PeerReason } from "../../src/schema/errors/PeerError.ts";
import { makeVoice } from "../../src/streams/voice.ts";

const half = new Uint8Array(512 * 1024);

/** A voice to a peer that reads, or does not, and why it was left. */
const make = () => {
  const reasons: Array<PeerReason> = [];
  const peer = { reads: false };
  const voice = makeVoice({
    connection: { sendUnsafe: () => peer.reads },
    said: () => {},
    part: (reason) => void reasons.push(reason),
  });
  return { peer, reasons, voice };
};

describe("voice", () => {
  it("leaves a peer that reads nothing of a mebibyte", () => {
    const { reasons, voice } = make();
    voice.send(half);
    voice.send(half);
    assert.deepStrictEqual(reasons, []);
    voice.send(Uint8Array.of(0));
    assert.deepStrictEqual(reasons, [{ _tag: "NotReading", waiting: 1024 * 1024 + 1 }]);
  });

  it("counts from the beginning once the peer has read", () => {
    const { peer, reasons, voice } = make();
    const sendAll = (): void => [half, half].forEach(voice.send);
    sendAll();
    voice.relieved();
    sendAll();
    peer.reads = true;
    voice.send(half);
    peer.reads = false;
    sendAll();
    assert.deepStrictEqual(reasons, []);
  });
});
