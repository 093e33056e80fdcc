/** HTTP through a SOCKS5 proxy for the live Layers that speak it: agents whose sockets the proxy opens, names and all. Nothing goes round it. */
import type { Agent, AgentOptions } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import * as Context from "effect/Context";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { negotiate, type Proxy } from "../../schema/socks5.ts";
import { clientOf } from "./node.ts";

/** The proxy that all HTTP goes through; by default there is none. */
export const HttpProxy = Context.Reference<Proxy | undefined>("bt-effect/services/HttpProxy", {
  defaultValue: () => undefined,
});

/** A proxy that has not connected within this time will not, in milliseconds. */
const PATIENCE = 15_000;

/** A socket that the proxy has connected to `host`. */
const open = (proxy: Proxy, host: string, port: number, done: (cause: Error | null, socket?: Socket) => void): void => {
  const ip = Result.getOrUndefined(NetAddress.ipFromString(host));
  const steps = negotiate(proxy, { _tag: "Connect", to: { host: ip ?? host, port } });
  const socket = process.getBuiltinModule("node:net").connect({ host: proxy.host, port: proxy.port });
  const failed = (cause: Error): void => {
    socket.destroy();
    done(cause);
  };
  let step = steps.next(new Uint8Array(0));
  const advance = (): void => {
    while (step.done !== true) {
      const bytes: Buffer | null = socket.read(step.value.read);
      if (bytes === null) return;
      step = steps.next(bytes);
      if (step.done !== true && step.value.send.length > 0) socket.write(step.value.send);
    }
    socket.off("readable", advance).off("error", failed).off("end", ended).setTimeout(0);
    if (typeof step.value !== "string") return done(null, socket);
    failed(new Error(`the proxy: ${step.value}`));
  };
  const ended = (): void => failed(new Error("the proxy closed the connection"));
  socket.setTimeout(PATIENCE, () => failed(Object.assign(new Error("the proxy is silent"), { code: "ETIMEDOUT" })));
  socket.on("error", failed).on("end", ended).on("readable", advance);
  socket.once("connect", () => {
    if (step.done !== true) socket.write(step.value.send);
  });
};

/** An agent for http or https all of whose connections go through `proxy`. */
export const proxyAgent = (proxy: Proxy, secure: boolean, options: AgentOptions): Agent =>
  Object.assign(new (clientOf(secure).Agent)(options), {
    createConnection: (
      { host, port }: { readonly host: string; readonly port: number | string },
      done: (cause: Error | null, stream?: Duplex) => void,
    ): undefined => {
      open(proxy, host, Number(port), (cause, socket) => {
        if (socket === undefined) return done(cause ?? new Error("the proxy gave no connection"));
        if (!secure) return done(null, socket);
        const servername = Result.isSuccess(NetAddress.ipFromString(host)) ? "" : host;
        done(null, process.getBuiltinModule("node:tls").connect({ socket, host, servername }));
      });
    },
  });
