import * as Effect from "effect/Effect";
export const download = (input: unknown) => Effect.log(input);
