/** What the next run believes. */
import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Schema from "effect/Schema";
import * as Scope from "effect/Scope";
import { TestClock } from "effect/testing";
import { ResumeMachine } from "../../src/services/ResumeStore/memory.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { onMachine } from "./disk.ts";
import { begin, bytes, indices } from "./recording.ts";

describe("recorder, from run to run", () => {
  const Step = Schema.Struct({
    piece: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 4 }))),
    /** Milliseconds until the next step. */
    wait: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 12_000 }))),
  });
  const Life = Schema.Struct({
    steps: Schema.Array(Step).pipe(Schema.check(Schema.isMaxLength(8))),
    end: Schema.Literals(["killed", "power cut", "in order"]),
    /** Milliseconds until the next life. */
    pause: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 20_000 }))),
    /** Whether somebody else's program spoils a file in between, long after. */
    spoilt: Schema.Boolean,
  });

  it.effect.prop(
    "never has a piece believed that isn't on disk, whenever and however runs end",
    { lives: Schema.Array(Life).pipe(Schema.check(Schema.isMaxLength(4))) },
    ({ lives }) =>
      onMachine(
        Effect.gen(function* () {
          const disk = yield* MemoryDisk;
          const machine = yield* ResumeMachine;
          /** When each piece was last written; none when it was not, or was spoilt since. */
          const since = new Map<number, number>();
          const spoil = Effect.gen(function* () {
            yield* TestClock.adjust("1 minute");
            const found = yield* disk.get("/d/name/f1");
            if (found !== undefined) yield* disk.put("/d/name/f1", found.fill(0xff));
            for (const index of [2, 3, 4]) since.delete(index);
          });
          const live = (life: (typeof lives)[number]) =>
            Effect.gen(function* () {
              const scope = yield* Scope.make();
              const { storage, recovered, recorder, put } = yield* Scope.provide(begin(), scope);
              for (const index of indices(recovered.have)) {
                const length = Math.min(16, bytes.length - index * 16);
                const found = new Uint8Array(length);
                yield* storage.read(index * 16, found);
                assert.deepStrictEqual(found, bytes.slice(index * 16, index * 16 + length), `piece ${index}`);
              }
              // What was there for longer than the interval of its kind is not lost.
              for (const index of since.keys()) {
                const age = died - (since.get(index) ?? died);
                if (age > (lastEnd === "power cut" ? 35_000 : 5_000) || lastEnd === "in order") {
                  assert.include(indices(recovered.have), index);
                }
              }
              const have = new Set(indices(recovered.have));
              for (const index of since.keys()) if (!have.has(index)) since.delete(index);
              const running = yield* Effect.forkDetach(recorder.run, { startImmediately: true });
              for (const { piece, wait } of life.steps) {
                if (!have.has(piece)) {
                  yield* put(piece);
                  have.add(piece);
                  since.set(piece, yield* Clock.currentTimeMillis);
                }
                yield* TestClock.adjust(wait);
              }
              yield* Fiber.interrupt(running);
              died = yield* Clock.currentTimeMillis;
              lastEnd = life.end;
              // A process that is killed closes no scope.
              if (life.end === "in order") yield* Scope.close(scope, Exit.void);
              if (life.end === "power cut") yield* Effect.andThen(disk.powerCut, machine.reboot);
              yield* TestClock.adjust(life.pause);
              if (life.spoilt) yield* spoil;
            });
          let died = 0;
          let lastEnd: (typeof lives)[number]["end"] = "in order";
          const last = { steps: [], end: "in order", pause: 0, spoilt: false } as const;
          for (const life of [...lives, last]) yield* live(life);
        }),
      ),
    { arbitrary: { runs: 150 } },
  );
});
