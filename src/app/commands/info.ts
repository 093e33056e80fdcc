import * as Effect from "effect/Effect";
export const info = (input: unknown) => Effect.log(input);
