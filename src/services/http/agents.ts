/** The connections that HTTP requests go over: kept for the next request, or one for each; through the proxy where there is one. */
import type { Agent } from "node:http";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Proxy } from "../../schema/socks5.ts";
import type { Reach } from "./nearness.ts";
import { clientOf } from "./node.ts";
import { HttpProxy, proxyAgent } from "./proxied.ts";

/** A connection that nobody uses is kept for this long, in milliseconds. */
const KEPT = 30_000;

/** Gives the agent for requests that may connect to what reaches `least` far; `false` is Node's for a connection of its own. */
export interface Agents {
  readonly for: (secure: boolean, least: Reach) => Agent | false;
  /** Whom all of them connect through. */
  readonly proxy: Proxy | undefined;
}

/** A connection for each request, whatever proxy there is. */
export const direct: Agents = { proxy: undefined, for: () => false };

/** A connection for each request, through the proxy where there is one. */
export const single: Effect.Effect<Agents> = Effect.gen(function* () {
  const proxy = yield* HttpProxy;
  return proxy === undefined ? direct : { proxy, for: (secure) => proxyAgent(proxy, secure, {}) };
});

/** Connections that are kept, and closed with the scope. */
export const kept: Effect.Effect<Agents, never, Scope.Scope> = Effect.gen(function* () {
  const proxy = yield* HttpProxy;
  const agents = new Map<string, Agent>();
  yield* Effect.addFinalizer(() => Effect.sync(() => agents.forEach((agent) => agent.destroy())));
  return {
    proxy,
    for: (secure, least) => {
      // Each reach has connections of its own, lest a request get one that was opened with less care.
      const key = `${secure} ${least}`;
      const known = agents.get(key);
      if (known !== undefined) return known;
      const options = { keepAlive: true, keepAliveMsecs: KEPT };
      const made = proxy === undefined ? new (clientOf(secure).Agent)(options) : proxyAgent(proxy, secure, options);
      agents.set(key, made);
      return made;
    },
  };
});
