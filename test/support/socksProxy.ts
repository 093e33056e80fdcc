/** A SOCKS5 proxy of the tests that relays UDP (RFC 1928), over any transport and datagrams: the in-memory network's, or the machine's. */
import { Effect, Exit, Scope, Stream } from "effect";
import { NetAddress } from "effect/net";
import { decodeRelayed, encodeRelayed } from "../../src/schema/socks5.ts";
import type { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import type { Connection, Transport } from "../../src/services/Transport/Transport.ts";

/** How it differs from one that does all. */
export interface SocksOptions {
  readonly transport: Transport["Service"];
  readonly datagrams: Datagrams["Service"];
  readonly port: number;
  /** The names that it resolves. */
  readonly names?: Readonly<Record<string, string>>;
  /** It relays no UDP. */
  readonly noUdp?: boolean;
  /** The relay's address as it is told; by default zeros and the port. */
  readonly told?: string;
}

/** What became of it. */
export interface SocksProxy {
  /** Where connections and packets were to go, as it was asked, in order. */
  readonly asked: ReadonlyArray<string>;
  /** How often a relay was asked for. */
  readonly relays: () => number;
  /** Ends the connections that relays hang on. */
  readonly hangUp: Effect.Effect<void>;
  /** Whether relays are granted from now on. */
  readonly relaying: (granted: boolean) => void;
}

const CONNECT = 1;
const RELAY = 3;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Reads the kind of an address, the address and the port. */
const readTarget = Effect.fnUntraced(function* (client: Connection) {
  const [kind] = yield* client.read(1);
  const host =
    kind === 3
      ? text(yield* client.read((yield* client.read(1))[0] ?? 0))
      : NetAddress.formatIp(
          kind === 1
            ? NetAddress.ipv4FromBytesUnsafe(yield* client.read(4))
            : NetAddress.ipv6FromBytesUnsafe(yield* client.read(16)),
        );
  const [high = 0, low = 0] = yield* client.read(2);
  return { host, port: high * 256 + low };
});

/** All bytes of one connection go on to another, until it ends. */
const pass = (from: Connection, to: Connection) =>
  Effect.gen(function* () {
    const pull = yield* from.receive<true, never>((bytes, out) => {
      to.sendUnsafe(bytes.slice());
      out.push(true);
      return undefined;
    });
    return yield* Effect.forever(pull);
  }).pipe(Effect.ignore);

/** Runs for as long as the scope. */
export const makeSocksProxy = Effect.fnUntraced(function* (options: SocksOptions) {
  const { datagrams, transport, names = {} } = options;
  const asked: Array<string> = [];
  const controls = new Set<Scope.Closeable>();
  let relays = 0;
  let granted = options.noUdp !== true;
  /** Whom the relay serves: the address of its control connection, and the one that its packets come from. */
  let served: { readonly ip: string; at: NetAddress.InetAddress | undefined } | undefined;
  const answer = (code: number, told = "0.0.0.0:0"): Uint8Array => {
    const { address, port } = NetAddress.inetAddressFromStringUnsafe(told);
    const packet = encodeRelayed({ host: address, port }, new Uint8Array(0));
    packet.set([5, code, 0]);
    return packet;
  };
  const resolve = (host: string, port: number): NetAddress.InetAddress | undefined => {
    asked.push(`${host}:${port}`);
    const ip = /^[0-9.]+$|:/.test(host) ? host : names[host];
    return ip === undefined ? undefined : NetAddress.inetAddressFromIpStringUnsafe(ip, port);
  };

  const serve = Effect.fnUntraced(function* (client: Connection, scope: Scope.Closeable) {
    const [, methods = 0] = yield* client.read(2);
    yield* client.read(methods);
    client.sendUnsafe(Uint8Array.of(5, 0));
    const [, command] = yield* client.read(3);
    const { host, port } = yield* readTarget(client);
    if (command === CONNECT) {
      const target = resolve(host, port);
      const upstream = target && (yield* Effect.option(transport.dial(target, { timeout: "5 seconds" })));
      if (upstream?._tag !== "Some") return void client.sendUnsafe(answer(5));
      client.sendUnsafe(answer(0));
      return yield* Effect.raceFirst(pass(client, upstream.value), pass(upstream.value, client));
    }
    if (command !== RELAY || !granted) return void client.sendUnsafe(answer(7));
    relays++;
    const mine = { ip: NetAddress.formatIp(client.remote.address), at: undefined };
    served = mine;
    controls.add(scope);
    client.sendUnsafe(answer(0, options.told ?? `0.0.0.0:${datagrams.addresses[0]?.port ?? 0}`));
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        controls.delete(scope);
        if (served === mine) served = undefined;
      }),
    );
    yield* pass(client, client);
  });

  yield* datagrams.receive((bytes, from) => {
    if (served === undefined) return true;
    if (NetAddress.formatIp(from.address) !== served.ip) {
      if (served.at !== undefined)
        datagrams.sendUnsafe(served.at, encodeRelayed({ host: from.address, port: from.port }, bytes));
      return true;
    }
    served.at = from;
    // A name stands where the address would.
    const isName = bytes[3] === 3;
    const end = 5 + (bytes[4] ?? 0);
    const named = { host: text(bytes.subarray(5, end)), port: (bytes[end] ?? 0) * 256 + (bytes[end + 1] ?? 0) };
    const relayed = decodeRelayed(bytes);
    const to = isName
      ? resolve(named.host, named.port)
      : relayed && resolve(NetAddress.formatIp(relayed.from.address), relayed.from.port);
    const payload = isName ? bytes.slice(end + 2) : relayed?.payload.slice();
    if (to !== undefined && payload !== undefined) datagrams.sendUnsafe(to, payload);
    return true;
  });
  const listener = yield* transport.listen({ port: options.port });
  yield* Effect.forkScoped(
    Stream.runForEach(listener.incoming, (incoming) =>
      Effect.gen(function* () {
        const scope = yield* Effect.flatMap(Effect.scope, Scope.fork);
        const client = yield* Scope.provide(incoming.accept, scope);
        yield* Effect.forkIn(
          Scope.provide(serve(client, scope), scope).pipe(
            Effect.ignore,
            Effect.ensuring(Scope.close(scope, Exit.void)),
          ),
          scope,
        );
      }).pipe(Effect.ignore),
    ),
  );
  const proxy: SocksProxy = {
    asked,
    relays: () => relays,
    relaying: (now) => void (granted = now),
    hangUp: Effect.suspend(() =>
      Effect.forEach([...controls], (scope) => Scope.close(scope, Exit.void), { discard: true }),
    ),
  };
  return proxy;
});
