/** Port mapping by PCP (RFC 6887), which is tried first. The packets are schema/pcp.ts. */
import * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import { MappingError } from "../../schema/errors/MappingError.ts";
import { decodePcp, encodePcpAnnounce, encodePcpMap, type PcpAnswer, pcpResult } from "../../schema/pcp.ts";
import { grantOf, LEASE, type Mapping } from "../../schema/portMapping.ts";
import type { Datagrams } from "../Datagrams/Datagrams.ts";
import { ask } from "./asking.ts";
import type { Router } from "./router.ts";

const protocol = "PCP";

/** Who asks: our address towards the router, and the number by which it knows our mappings. */
export interface PcpClient {
  readonly client: NetAddress.IpAddress;
  readonly nonce: Uint8Array;
}

type Negative = Extract<PcpAnswer, { _tag: "Refused" | "OtherVersion" }>;

/** Fails for a refusal, and for a router of another version. */
const accepted = <A extends PcpAnswer>(answer: A | Negative) => {
  if (answer._tag === "OtherVersion")
    return Effect.fail(new MappingError({ protocol, reason: { _tag: "Unsupported" } }));
  return answer._tag === "Refused"
    ? Effect.fail(
        new MappingError({
          protocol,
          reason: { _tag: "Refused", result: answer.result, text: pcpResult(answer.result) },
        }),
      )
    : Effect.succeed(answer);
};

const isNegative = (answer: PcpAnswer | undefined): answer is Negative =>
  answer?._tag === "Refused" || answer?._tag === "OtherVersion";

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, at) => byte === b[at]);

/** The router at `address`; whether it speaks PCP shows with the first mapping. */
export const makePcp = Effect.fnUntraced(function* (
  address: NetAddress.InetAddress,
  own: PcpClient,
): Effect.fn.Return<Router, never, Datagrams> {
  const context = yield* Effect.context<Datagrams>();

  const epoch = ask({
    protocol,
    router: address,
    packet: encodePcpAnnounce(own.client),
    read: (bytes) => {
      const answer = decodePcp(bytes);
      return answer?._tag === "Announced" || isNegative(answer) ? answer : undefined;
    },
  }).pipe(
    Effect.flatMap(accepted),
    Effect.map((answer) => answer.epoch),
    Effect.provideContext(context),
  );

  const request = (mapping: Mapping, lifetime: number) =>
    ask({
      protocol,
      router: address,
      packet: encodePcpMap(mapping, lifetime, own),
      read: (bytes) => {
        const answer = decodePcp(bytes);
        if (isNegative(answer)) return answer;
        const ours =
          answer?._tag === "Mapped" &&
          answer.protocol === mapping.protocol &&
          answer.internal === mapping.internal &&
          isSame(answer.nonce, own.nonce);
        return ours ? answer : undefined;
      },
    }).pipe(Effect.flatMap(accepted), Effect.provideContext(context));

  return {
    name: protocol,
    map: (mapping) => Effect.map(request(mapping, LEASE), (answer) => grantOf(mapping, answer, answer.address)),
    unmap: (mapping) => Effect.asVoid(request(mapping, 0)),
    epoch,
  };
});
