/** A router that maps ports by one of the protocols, and shows what it was asked and holds: on the in-memory network, or over real datagrams. */
import { Clock, Context, Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import type { MemoryNetwork } from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import type { DeviceRequest, Surroundings } from "../../src/services/PortMapping/surroundings.ts";

const EXTERNAL = [203, 0, 113, 9];

/** What the router is like. */
export interface GatewayOptions {
  readonly protocol: "PCP" | "NAT-PMP" | "UPnP";
  /** Its address: 10.0.0.1 by default. */
  readonly at?: string;
  /** Seconds that it grants, whatever is asked for. */
  readonly lease?: number;
  /** The port that it grants by NAT-PMP in place of the wished one. */
  readonly external?: (wished: number) => number;
  /** Result code for these kinds of request. */
  readonly refuse?: (kind: string, external: number, lease: number) => number;
}

/** What it was asked, and what it holds: `TCP 6881` → external port. */
export interface Gateway {
  readonly asked: Array<string>;
  readonly table: Map<string, number>;
  /** Loses the table; its epoch begins again. */
  readonly restart: Effect.Effect<void>;
  /** It neither hears nor speaks any more. */
  dead: boolean;
  /** As a client at 10.0.0.2 sees it. */
  readonly surroundings: Surroundings;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const text = (name: string, body: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? "";

const DESCRIPTION = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL>
</service></serviceList></device></root>`;

/** Plugs a router in as long as the scope. */
export const makeGateway = (network: MemoryNetwork, options: GatewayOptions) =>
  Effect.gen(function* () {
    const host = yield* Layer.build(network.host(options.at ?? "10.0.0.1", { udpPort: 5351 }));
    return yield* gatewayOver(Context.get(host, Datagrams), options);
  });

/** A router that speaks over `datagrams` as long as the scope. */
export const gatewayOver = (datagrams: Datagrams["Service"], options: GatewayOptions) =>
  Effect.gen(function* () {
    const [router] = datagrams.addresses;
    if (router === undefined) return yield* Effect.die(new Error("a router without an address"));
    const at = NetAddress.formatHost(router);
    const clock = yield* Clock.Clock;
    const seconds = () => Math.floor(clock.currentTimeMillisUnsafe() / 1_000);
    let born = seconds() - 1_000_000;
    const lease = (wished: number): number => (wished === 0 ? 0 : (options.lease ?? wished));
    const refusal = (kind: string, external: number, wished: number): number =>
      options.refuse?.(kind, external, wished) ?? 0;
    const change = (kind: string, port: number, external: number, wished: number): void => {
      gateway.asked.push(`${wished === 0 ? "unmap" : "map"} ${kind} ${port}`);
      if (wished === 0) gateway.table.delete(`${kind} ${port}`);
      else gateway.table.set(`${kind} ${port}`, external);
    };

    const natPmp = (packet: Uint8Array): Uint8Array => {
      const request = view(packet);
      const opcode = request.getUint8(1);
      // whatever the version: this is what old routers say to PCP
      const answer = new Uint8Array(request.getUint8(0) !== 0 ? 8 : opcode === 0 ? 12 : 16);
      const data = view(answer);
      data.setUint8(1, 128 + opcode);
      data.setUint32(4, seconds() - born);
      if (request.getUint8(0) !== 0) {
        data.setUint16(2, 1);
        return answer;
      }
      if (opcode === 0) {
        answer.set(EXTERNAL, 8);
        return answer;
      }
      const kind = opcode === 1 ? "UDP" : "TCP";
      const [internal, port, wished] = [request.getUint16(4), request.getUint16(6), request.getUint32(8)];
      const external = options.external?.(port) ?? port;
      const result = refusal(kind, external, wished);
      data.setUint16(2, result);
      if (result !== 0) return answer.slice(0, 8);
      change(kind, internal, external, wished);
      data.setUint16(8, internal);
      data.setUint16(10, external);
      data.setUint32(12, lease(wished));
      return answer;
    };

    const pcp = (packet: Uint8Array): Uint8Array => {
      const answer = packet.slice();
      const data = view(answer);
      data.setUint8(1, 0x80 | data.getUint8(1));
      answer.fill(0, 8, 24);
      data.setUint32(8, seconds() - born);
      if (data.getUint8(1) === 0x80) return answer;
      const kind = data.getUint8(36) === 6 ? "TCP" : "UDP";
      const [internal, external, wished] = [data.getUint16(40), data.getUint16(42), data.getUint32(4)];
      const result = refusal(kind, external, wished);
      data.setUint8(3, result);
      if (result !== 0) return answer;
      change(kind, internal, external, wished);
      data.setUint32(4, lease(wished));
      answer.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...EXTERNAL], 44);
      return answer;
    };

    const upnp = ({ call, url }: DeviceRequest): string => {
      if (call === undefined) return url.pathname === "/root.xml" ? DESCRIPTION : "";
      const action = /#(\w+)"$/.exec(call.action)?.[1] ?? "";
      const kind = text("NewProtocol", call.body);
      const external = Number(text("NewExternalPort", call.body));
      if (action === "AddPortMapping") {
        const wished = Number(text("NewLeaseDuration", call.body));
        const result = refusal(kind, external, wished);
        if (result !== 0) {
          gateway.asked.push(`refuse ${kind} ${wished} ${result}`);
          return `<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>${result}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>`;
        }
        change(kind, Number(text("NewInternalPort", call.body)), external, 1);
      }
      if (action === "DeletePortMapping") {
        const [key] = [...gateway.table].find(([name, port]) => name.startsWith(kind) && port === external) ?? [""];
        change(kind, Number(key.slice(4)), external, 0);
      }
      const values =
        action === "GetExternalIPAddress" ? "<NewExternalIPAddress>203.0.113.9</NewExternalIPAddress>" : "";
      return `<s:Envelope><s:Body><u:${action}Response>${values}</u:${action}Response></s:Body></s:Envelope>`;
    };

    const gateway: Gateway = {
      asked: [],
      table: new Map(),
      dead: false,
      restart: Effect.sync(() => {
        born = seconds();
        gateway.table.clear();
      }),
      surroundings: {
        gateway: Effect.succeedSome({ router, own: NetAddress.ipFromStringUnsafe("10.0.0.2") }),
        trusting: false,
        group: router,
        exchange: (request) =>
          gateway.dead
            ? Effect.fail("nobody there")
            : Effect.sync(() => ({ text: upnp(request), own: NetAddress.ipFromStringUnsafe("10.0.0.2") })),
      },
    };

    yield* datagrams.receive((bytes, from) => {
      if (gateway.dead) return true;
      const isSearch = bytes[0] === 0x4d;
      if (options.protocol === "UPnP") {
        if (isSearch)
          datagrams.sendUnsafe(
            from,
            new TextEncoder().encode(`HTTP/1.1 200 OK\r\nLocation: http://${at}:49000/root.xml\r\n\r\n`),
          );
      } else if (!isSearch) {
        const answer = options.protocol === "PCP" && bytes[0] === 2 ? pcp(bytes) : natPmp(bytes);
        if (options.protocol === "NAT-PMP" || bytes[0] === 2) datagrams.sendUnsafe(from, answer);
      }
      return true;
    });
    return gateway;
  });
