/**
 * Tokens: who asks for peers gets one, and who announces must bring it, so that nobody announces an address that is not its own (BEP 5). Nothing is kept of
 * them: a token is a digest of the address and a secret, and the secrets change.
 */
import * as NetAddress from "effect/net/NetAddress";

/** Bytes of a token of ours. */
const TOKEN_LENGTH = 8;
/** Bytes of a secret. */
const SECRET_LENGTH = 20;

/** Gives and checks tokens. */
export interface Tokens {
  readonly give: (to: NetAddress.InetAddress, now: number) => Uint8Array;
  /** Whether `token` was given to this IP address with the present secret or the one before. */
  readonly check: (from: NetAddress.InetAddress, token: Uint8Array, now: number) => boolean;
}

/** Tokens of one node; `random` gives unpredictable bytes. Secrets change every `rotation` milliseconds, when there is anything to give or check. */
export const makeTokens = (options: {
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  readonly random: (length: number) => Uint8Array;
  readonly rotation: number;
}): Tokens => {
  let current = options.random(SECRET_LENGTH);
  let former: Uint8Array | undefined;
  let since: number | undefined;

  const rotate = (now: number): void => {
    since ??= now;
    const rotations = Math.floor((now - since) / options.rotation);
    if (rotations === 0) return;
    former = rotations === 1 ? current : undefined;
    current = options.random(SECRET_LENGTH);
    since += rotations * options.rotation;
  };
  const tokenOf = ({ address }: NetAddress.InetAddress, secret: Uint8Array): Uint8Array => {
    const octets = NetAddress.isIpv4Address(address)
      ? NetAddress.ipv4ToOctets(address)
      : NetAddress.ipv6ToOctets(address);
    return options.sha1(Uint8Array.from([...octets, ...secret])).subarray(0, TOKEN_LENGTH);
  };
  const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
    a.length === b.length && a.every((byte, i) => byte === b[i]);

  return {
    give: (to, now) => {
      rotate(now);
      return tokenOf(to, current);
    },
    check: (from, token, now) => {
      rotate(now);
      return [current, former].some((secret) => secret !== undefined && isEqual(token, tokenOf(from, secret)));
    },
  };
};
