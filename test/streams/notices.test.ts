import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { makeNotices, NOTICE_IDS } from "../../src/streams/notices.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";
import { decodeAll } from "../support/wire.ts";

const begin = () => {
  const said: Array<readonly [id: number, bytes: ReadonlyArray<number>]> = [];
  const lost: Array<number> = [];
  let uploadOnly = false;
  const notices = makeNotices({
    uploadOnly: () => uploadOnly,
    peerLost: (index) => void lost.push(index),
    say: (id, payload) => void said.push([id, [...payload]]),
  });
  return { notices, said, lost, become: (now: boolean) => (uploadOnly = now) };
};
const messages = new Map([
  ["upload_only", 3],
  ["lt_donthave", 9],
]);

describe("notices", () => {
  it("say once that we download nothing any more, and once that we do again (BEP 21)", () => {
    const { become, notices, said } = begin();
    assert.isFalse(notices.greeting());
    notices.greeted({ messages });
    notices.tick();
    become(true);
    notices.tick();
    notices.tick();
    become(false);
    notices.tick();
    assert.deepStrictEqual(said, [
      [3, [1]],
      [3, [0]],
    ]);
  });

  it("say nothing that the greeting said, nor to a peer that does not know them", () => {
    const { become, notices, said } = begin();
    become(true);
    assert.isTrue(notices.greeting());
    notices.greeted({ messages });
    notices.tick();
    assert.deepStrictEqual(said, []);
    const other = begin();
    other.become(true);
    other.notices.lost(1);
    other.notices.tick();
    assert.deepStrictEqual(other.said, []);
  });

  it("tell of a lost piece by the peer's own id (BEP 54)", () => {
    const { notices, said } = begin();
    notices.greeted({ messages });
    notices.lost(0x01020304);
    assert.deepStrictEqual(said, [[9, [1, 2, 3, 4]]]);
  });

  it("hear what the peer says, in its greeting and later", () => {
    const { lost, notices } = begin();
    assert.isFalse(notices.uploadOnly());
    notices.greeted({ messages, uploadOnly: true });
    assert.isTrue(notices.uploadOnly());
    assert.isUndefined(notices.received(NOTICE_IDS.upload_only, Uint8Array.of(0)));
    assert.isFalse(notices.uploadOnly());
    assert.isUndefined(notices.received(NOTICE_IDS.lt_donthave, Uint8Array.of(0, 0, 1, 0)));
    assert.deepStrictEqual(lost, [256]);
  });

  it("end the conversation when they have the wrong length", () => {
    const { notices } = begin();
    for (const [name, id] of Object.entries(NOTICE_IDS)) {
      const reason = notices.received(id, new Uint8Array(2));
      assert.deepInclude(reason, { _tag: "BadExtension", name });
    }
  });

  it.prop("take any bytes without throwing", [Schema.Uint8Array], ([bytes]) => {
    for (const id of Object.values(NOTICE_IDS)) {
      const reason = begin().notices.received(id, bytes);
      if (reason !== undefined) assert.strictEqual(reason._tag, "BadExtension");
    }
  });
});

describeFixtures("the published vector of BEP 54", () => {
  const { hex } = vectors("bep54_donthave", Schema.Struct({ hex: Schema.Uint8ArrayFromHex }));

  it("is what is heard, and what is said to who takes it by that id", () => {
    const { messages: heard, violation } = decodeAll([hex]);
    assert.isUndefined(violation);
    const [message] = heard;
    if (message?._tag !== "Extended") return assert.fail("not an extended message");
    const { lost, notices, said } = begin();
    assert.strictEqual(message.id, NOTICE_IDS.lt_donthave);
    assert.isUndefined(notices.received(message.id, message.payload));
    assert.deepStrictEqual(lost, [5]);
    notices.greeted({ messages: new Map([["lt_donthave", message.id]]) });
    notices.lost(5);
    assert.deepStrictEqual(said, [[message.id, [...message.payload]]]);
  });
});
