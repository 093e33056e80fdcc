/** Port mapping by NAT-PMP (RFC 6886), for routers that do not know PCP. The packets are schema/natPmp.ts. */
import * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import { MappingError } from "../../schema/errors/MappingError.ts";
import {
  decodeNatPmp,
  encodeNatPmpAddress,
  encodeNatPmpMap,
  type NatPmpAnswer,
  natPmpResult,
} from "../../schema/natPmp.ts";
import { grantOf, LEASE, type Mapping } from "../../schema/portMapping.ts";
import type { Datagrams } from "../Datagrams/Datagrams.ts";
import { ask } from "./asking.ts";
import type { Router } from "./router.ts";

const protocol = "NAT-PMP";
const OPCODE = { UDP: 1, TCP: 2 } as const;

/** Fails for a refusal. */
const accepted = <A extends NatPmpAnswer>(answer: A | Extract<NatPmpAnswer, { _tag: "Refused" }>) =>
  answer._tag === "Refused"
    ? Effect.fail(
        new MappingError({
          protocol,
          reason: { _tag: "Refused", result: answer.result, text: natPmpResult(answer.result) },
        }),
      )
    : Effect.succeed(answer);

/** The router at `address`; fails unless it speaks NAT-PMP. */
export const findNatPmp = Effect.fnUntraced(function* (
  address: NetAddress.InetAddress,
): Effect.fn.Return<Router, MappingError, Datagrams> {
  const context = yield* Effect.context<Datagrams>();

  const inform = ask({
    protocol,
    router: address,
    packet: encodeNatPmpAddress(),
    read: (bytes) => {
      const answer = decodeNatPmp(bytes);
      if (answer?._tag === "Address") return answer;
      return answer?._tag === "Refused" && answer.opcode === 0 ? answer : undefined;
    },
  }).pipe(Effect.flatMap(accepted), Effect.provideContext(context));

  const request = (mapping: Mapping, lifetime: number) =>
    ask({
      protocol,
      router: address,
      packet: encodeNatPmpMap(mapping, lifetime),
      read: (bytes) => {
        const answer = decodeNatPmp(bytes);
        if (answer?._tag === "Refused" && answer.opcode === OPCODE[mapping.protocol]) return answer;
        const ours =
          answer?._tag === "Mapped" && answer.protocol === mapping.protocol && answer.internal === mapping.internal;
        return ours ? answer : undefined;
      },
    }).pipe(Effect.flatMap(accepted), Effect.provideContext(context));

  const { address: external } = yield* inform;
  return {
    name: protocol,
    map: (mapping) => Effect.map(request(mapping, LEASE), (answer) => grantOf(mapping, answer, external)),
    unmap: (mapping) => Effect.asVoid(request(mapping, 0)),
    epoch: Effect.map(inform, ({ epoch }) => epoch),
  };
});
