/**
 * Port mapping by UPnP (IGD), for routers that know nothing better: found by SSDP, described in XML, asked by SOAP. The formats are schema/ssdp.ts and
 * schema/upnp.ts.
 */
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Queue from "effect/Queue";
import * as Random from "effect/Random";
import * as Result from "effect/Result";
import { MappingError, type MappingReason } from "../../schema/errors/MappingError.ts";
import { type Grant, LEASE, type Mapping } from "../../schema/portMapping.ts";
import { decodeSearchAnswer, encodeSearch } from "../../schema/ssdp.ts";
import { encodeSoap, type MappingService, parseDescription, parseSoap } from "../../schema/upnp.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import type { Router } from "./router.ts";
import type { Surroundings } from "./surroundings.ts";

const protocol = "UPnP";
/** Milliseconds between the calls for devices, which are packets that may get lost; after the last they have this long to answer. */
const CALLS: ReadonlyArray<number> = [1_000, 1_000, 3_000];
/** Devices that are asked for their description. */
const MAX_DEVICES = 4;
/** External ports that are tried where the wished one is another's. */
const MAX_PORTS = 5;
/** Dynamic ports (RFC 6335 §6), of which one is chosen then. */
const DYNAMIC = [49_152, 65_535] as const;
/** Another has this port; another has it for other purposes; the router wants both ports to be the same. */
const CONFLICT = 718;
/** The router keeps mappings for ever or not at all. */
const ONLY_PERMANENT = 725;
/** There is no such mapping. */
const NO_SUCH_ENTRY = 714;

const failure = (reason: MappingReason): MappingError => new MappingError({ protocol, reason });

/** A device that maps ports, and our address towards it. */
interface Device {
  readonly service: MappingService;
  readonly own: NetAddress.IpAddress;
}

/** Where devices say that they describe themselves: those on the gateway, or any where that is unknown. Never on a host other than the one that says it. */
const search = Effect.fnUntraced(function* (
  { group, trusting }: Surroundings,
  gateway: Option.Option<NetAddress.IpAddress>,
) {
  const datagrams = yield* Datagrams;
  const found = yield* Queue.sliding<URL>(MAX_DEVICES);
  const known = new Set<string>();
  yield* datagrams.receive((bytes, from) => {
    const url = decodeSearchAnswer(bytes);
    if (url === undefined) return false;
    const sender = NetAddress.toCanonical(from.address);
    const isGateway = Option.match(gateway, { onNone: () => trusting, onSome: (ip) => Equal.equals(ip, sender) });
    const host = Result.getOrUndefined(NetAddress.ipFromString(url.hostname));
    if (!isGateway || !Equal.equals(host, sender) || known.has(url.href) || known.size >= MAX_DEVICES) return true;
    known.add(url.href);
    Queue.offerUnsafe(found, url);
    return true;
  });
  return { next: Queue.take(found), call: Effect.ignore(datagrams.send(group, encodeSearch())) };
});

const describe = ({ exchange }: Surroundings, url: URL): Effect.Effect<Device, MappingError> =>
  Effect.gen(function* () {
    const { own, text } = yield* exchange({ url }).pipe(
      Effect.mapError((cause) => failure({ _tag: "Unreachable", cause })),
    );
    const service = yield* parseDescription(text, url).pipe(
      Effect.mapError((error) => failure({ _tag: "Malformed", why: `its description is no XML (${error.message})` })),
    );
    if (service === undefined) return yield* failure({ _tag: "Unsupported" });
    return { service, own };
  });

/** Calls until a device is there that maps ports. */
const findDevice = (surroundings: Surroundings, gateway: Option.Option<NetAddress.IpAddress>) =>
  Effect.gen(function* () {
    const { call, next } = yield* search(surroundings, gateway);
    let last = failure({ _tag: "Silent" });
    for (const wait of CALLS) {
      yield* call;
      const url = yield* Effect.timeoutOption(next, wait);
      if (Option.isNone(url)) continue;
      const device = yield* Effect.result(describe(surroundings, url.value));
      if (Result.isSuccess(device)) return device.success;
      last = device.failure;
    }
    return yield* last;
  }).pipe(Effect.scoped);

/** The gateway that answers to UPnP; fails without one. */
export const findUpnp = Effect.fnUntraced(function* (
  surroundings: Surroundings,
  gateway: Option.Option<NetAddress.IpAddress>,
): Effect.fn.Return<Router, MappingError, Datagrams> {
  const { own, service } = yield* findDevice(surroundings, gateway);

  const call = Effect.fnUntraced(function* (
    action: string,
    values: ReadonlyArray<readonly [name: string, value: string | number]>,
  ) {
    const body = encodeSoap(service.type, action, values);
    const { text } = yield* surroundings
      .exchange({ url: service.control, call: { action: `"${service.type}#${action}"`, body } })
      .pipe(Effect.mapError((cause) => failure({ _tag: "Unreachable", cause })));
    const answer = yield* parseSoap(text).pipe(
      Effect.mapError((error) => failure({ _tag: "Malformed", why: `its answer is no XML (${error.message})` })),
    );
    if (answer._tag === "Values") return answer.values;
    return yield* failure({ _tag: "Refused", result: answer.code, text: answer.text });
  });

  const add = ({ external, internal, protocol }: Mapping, lease: number) =>
    call("AddPortMapping", [
      ["NewRemoteHost", ""],
      ["NewExternalPort", external],
      ["NewProtocol", protocol],
      ["NewInternalPort", internal],
      ["NewInternalClient", NetAddress.formatIp(own)],
      ["NewEnabled", 1],
      ["NewPortMappingDescription", "bt-effect"],
      ["NewLeaseDuration", lease],
    ]);

  const isRefusal = (error: MappingError, result: number): boolean =>
    error.reason._tag === "Refused" && error.reason.result === result;

  /** For ever where the router knows nothing else: it is deleted at the end, and made again as if it were not. */
  const addAnyhow = (mapping: Mapping) =>
    Effect.catchIf(
      add(mapping, LEASE),
      (error) => isRefusal(error, ONLY_PERMANENT),
      () => add(mapping, 0),
    );

  const address = yield* call("GetExternalIPAddress", []).pipe(
    Effect.map((values) => Result.getOrUndefined(NetAddress.ipFromString(values.get("NewExternalIPAddress") ?? ""))),
    // Of interest, but not needed.
    Effect.tapError((error) => Effect.logDebug(error.message)),
    Effect.orElseSucceed(() => undefined),
  );

  return {
    name: protocol,
    map: Effect.fnUntraced(function* (mapping) {
      let wished = mapping;
      for (let left = MAX_PORTS; ; left--) {
        const error = yield* addAnyhow(wished).pipe(
          Effect.as(undefined),
          Effect.catchIf((cause) => left > 1 && isRefusal(cause, CONFLICT), Effect.succeed),
        );
        if (error === undefined) {
          const grant: Grant = { ...wished, lifetime: LEASE, ...(address !== undefined && { address }) };
          return grant;
        }
        wished = { ...mapping, external: yield* Random.nextIntBetween(...DYNAMIC) };
      }
    }),
    unmap: ({ external, protocol }) =>
      call("DeletePortMapping", [
        ["NewRemoteHost", ""],
        ["NewExternalPort", external],
        ["NewProtocol", protocol],
      ]).pipe(
        Effect.asVoid,
        Effect.catchIf(
          (error) => isRefusal(error, NO_SUCH_ENTRY),
          () => Effect.void,
        ),
      ),
  };
});
