/** What a command tells the process of what being interrupted means for it. */
import * as Context from "effect/Context";

/** What it means that the program is interrupted: with `harmless` set nothing is left undone, and the status is 0. */
export const Interruption = Context.Reference<{ harmless: boolean }>("bt-effect/app/Interruption", {
  defaultValue: () => ({ harmless: false }),
});
