/** A process that takes a lock, says so and keeps it until it is killed: `node holder.ts <state folder> <root>`. */
import * as Effect from "effect/Effect";
import { layer } from "../../../src/services/ResumeStore/files.ts";
import { ResumeStore } from "../../../src/services/ResumeStore/ResumeStore.ts";

const [, , folder = "", root = ""] = process.argv;
const held = Effect.gen(function* () {
  yield* (yield* ResumeStore).lock(root);
  process.stdout.write("held\n");
  // A timer keeps the process alive; an effect that never ends would not.
  setInterval(() => undefined, 1000);
  return yield* Effect.never;
});
await Effect.runPromise(held.pipe(Effect.scoped, Effect.provide(layer(folder)))).catch((error: unknown) => {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
});
