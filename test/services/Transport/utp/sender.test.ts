import { assert, describe, it } from "@effect/vitest";
import { decodeUtp, encodeUtp, makeUtpPacket, UTP_HEADER_LENGTH, UtpType } from "../../../../src/schema/utp.ts";
import { makeFlight } from "../../../../src/services/Transport/utp/flight.ts";
import { WINDOW_PROBE } from "../../../../src/services/Transport/utp/limits.ts";
import { makeSender } from "../../../../src/services/Transport/utp/sender.ts";
import { makeSendQueue } from "../../../../src/services/Transport/utp/sendQueue.ts";
import type { Voice } from "../../../../src/services/Transport/utp/voice.ts";

const FULL = 100;
const PAYLOAD = FULL - UTP_HEADER_LENGTH;

/** A sender of which is noted what it sends: how much new data, what else, and what goes once more. */
const bench = () => {
  const flight = makeFlight(1, FULL);
  const queue = makeSendQueue();
  const put: Array<number | "other" | "again"> = [];
  const unused = () => assert.fail("acknowledgements are not its business");
  const voice: Voice = {
    heard: () => 0,
    owe: unused,
    owesNow: unused,
    ackDue: unused,
    saidAt: unused,
    toldWindow: unused,
    say: unused,
    put: (type, bytes, now) => {
      put.push(type === UtpType.Data ? bytes.length - UTP_HEADER_LENGTH : "other");
      flight.add(bytes, now);
    },
    putAgain: (sent, now) => {
      put.push("again");
      flight.again(sent, now);
    },
  };
  const sender = makeSender({ flight, queue, voice }, { full: FULL, now: 0, isDialling: () => false });
  /** All that was sent has arrived, and so much more may come. */
  const acknowledged = (window: number, now: number): void => {
    const packet = makeUtpPacket();
    const ack = flight.next() - 1;
    const bytes = encodeUtp({
      ...{ type: UtpType.State, connectionId: 1, timestamp: 0, timestampDifference: 0, seq: 1 },
      ...{ window, ack },
    });
    assert.isTrue(decodeUtp(bytes, packet));
    assert.isTrue(sender.hear(bytes, packet, now));
  };
  return { acknowledged, put, queue, sender };
};

describe("the sending half of uTP", () => {
  /** One that has filled the window of the other side, and has more to say. */
  const shut = () => {
    const made = bench();
    made.queue.add(new Uint8Array(3 * PAYLOAD));
    made.sender.fill(0);
    assert.deepStrictEqual(made.put.splice(0), [PAYLOAD]);
    made.acknowledged(0, 1_000);
    made.sender.fill(1_000);
    assert.deepStrictEqual(made.put, []);
    assert.strictEqual(made.sender.due(), 1_000 + WINDOW_PROBE);
    return made;
  };

  it("sends one packet to a window that has been shut for a second", () => {
    const { put, sender } = shut();
    assert.isTrue(sender.tick(WINDOW_PROBE));
    assert.deepStrictEqual(put, []);
    assert.isTrue(sender.tick(1_000 + WINDOW_PROBE));
    assert.deepStrictEqual(put, [PAYLOAD]);
  });

  it("goes on at once when the window opens", () => {
    const { acknowledged, put, sender } = shut();
    acknowledged(1_000, 2_000);
    sender.fill(2_000);
    assert.deepStrictEqual(put, [PAYLOAD, PAYLOAD]);
  });

  it("probes no shut window once nothing is left to say: nobody would take what comes after the FIN", () => {
    const { put, queue, sender } = shut();
    sender.put(UtpType.Fin, WINDOW_PROBE);
    queue.clear();
    assert.isTrue(sender.tick(1_000 + WINDOW_PROBE));
    assert.deepStrictEqual(put, ["other"]);
  });
});
