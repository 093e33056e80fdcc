/**
 * From the word on the command line to what is to be fetched: a file, standard input, a URL, a magnet link or a bare info-hash. It reads
 * and parses; it asks no peer.
 */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import type { PlatformError } from "effect/PlatformError";
import * as Result from "effect/Result";
import * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import type { Explained } from "../schema/errors/code.ts";
import { parseMagnet } from "../schema/magnet.ts";
import type { Metainfo } from "../schema/metainfo.ts";
import { parseMetainfo } from "../schema/metainfo/parse.ts";
import type { Proxy } from "../schema/socks5.ts";
import { Hasher } from "../services/Hasher.ts";
import { HttpProxy } from "../services/http/proxied.ts";
import type { TorrentSource } from "../streams/request.ts";
import { collect } from "./collect.ts";
import type { SourceReason } from "./SourceError.ts";
import { SourceError } from "./SourceError.ts";

/** Characters of the word that are repeated in messages. */
const SHOWN = 200;

const shorten = (word: string): string => (word.length > SHOWN ? `${word.slice(0, SHOWN)}…` : word);

const HTTP = /^https?:\/\//i;
const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i;
/** v1 in hex or base32 (BEP 9); v2 in hex, which a magnet link writes as a multihash (BEP 52). */
const V1_HASH = /^(?:[0-9a-f]{40}|[a-z2-7]{32})$/i;
const V2_HASH = /^[0-9a-f]{64}$/i;

const ofPlatform = (error: PlatformError): SourceReason => {
  switch (error.reason._tag) {
    case "NotFound":
      return { _tag: "NotFound" };
    case "PermissionDenied":
      return { _tag: "NoPermission" };
    default:
      return { _tag: "Unreadable", why: error.reason.description ?? error.reason._tag };
  }
};

const readFile = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<Uint8Array, SourceReason, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const stat = yield* Effect.mapError(fs.stat(path), ofPlatform);
  if (stat.type === "Directory") return yield* Effect.fail<SourceReason>({ _tag: "IsFolder" });
  return yield* collect(Stream.mapError(fs.stream(path), ofPlatform));
});

const fetch = (url: string): Effect.Effect<Uint8Array, SourceReason> =>
  Effect.flatMap(
    Effect.promise(() => import("./fetch.ts")),
    ({ fetchBytes }) => fetchBytes(url),
  );

const invalid = (error: Explained): SourceReason => ({ _tag: "Invalid", error });

const ofMagnet = (link: string): Effect.Effect<TorrentSource, SourceReason> =>
  Effect.fromResult(parseMagnet(link)).pipe(
    Effect.mapBoth({ onSuccess: (magnet) => ({ _tag: "Magnet", magnet }) as const, onFailure: invalid }),
  );

const LESS_THAN = 0x3c;

const ofBytes = Effect.fnUntraced(function* (bytes: Uint8Array): Effect.fn.Return<Metainfo, SourceReason, Hasher> {
  if (bytes.length === 0) return yield* Effect.fail<SourceReason>({ _tag: "Empty" });
  const parsed = parseMetainfo(bytes, yield* Hasher);
  if (Result.isSuccess(parsed)) return parsed.success;
  return yield* Effect.fail(bytes[0] === LESS_THAN ? ({ _tag: "WebPage" } as const) : invalid(parsed.failure));
});

/** The link that `word` is, if it is one. */
const linkOf = (word: string): string | undefined => {
  if (/^magnet:/i.test(word)) return word;
  if (V1_HASH.test(word)) return `magnet:?xt=urn:btih:${word}`;
  if (V2_HASH.test(word)) return `magnet:?xt=urn:btmh:1220${word}`;
  return undefined;
};

/** The bytes of the .torrent that `word` names. */
const bytesOf = Effect.fnUntraced(function* (
  word: string,
): Effect.fn.Return<Uint8Array, SourceReason, FileSystem.FileSystem | Path.Path | Stdio.Stdio> {
  if (word === "-") {
    const { stdin } = yield* Stdio.Stdio;
    return yield* collect(Stream.mapError(stdin, ofPlatform));
  }
  if (HTTP.test(word)) return yield* fetch(word);
  const scheme = SCHEME.exec(word)?.[1]?.toLowerCase();
  if (scheme === undefined) return yield* readFile(word);
  if (scheme !== "file") return yield* Effect.fail<SourceReason>({ _tag: "UnsupportedScheme", scheme });
  const path = yield* Path.Path;
  const file = yield* Effect.mapError(
    Effect.suspend(() => path.fromFileUrl(new URL(word))),
    (error): SourceReason => ({ _tag: "Unreadable", why: error.message }),
  );
  return yield* readFile(file);
});

/** What `word` is called in messages: a URL without its password. */
const nameOf = (word: string): string => {
  if (word === "-") return "standard input";
  return shorten(HTTP.test(word) ? word.replace(/^(https?:\/\/)[^/?#]*@/i, "$1") : word);
};

const named = (word: string) => (reason: SourceReason) => new SourceError({ name: nameOf(word), reason });

/** What `word` names. Reads at most 10 MB; a URL is asked through `proxy`, if there is one. */
export const readSource = (word: string, proxy?: Proxy) =>
  Effect.suspend(() => {
    const link = linkOf(word);
    const source: Effect.Effect<TorrentSource, SourceReason, FileSystem.FileSystem | Path.Path | Stdio.Stdio | Hasher> =
      link === undefined
        ? Effect.map(Effect.flatMap(bytesOf(word), ofBytes), (metainfo) => ({ _tag: "Metainfo", metainfo }))
        : ofMagnet(link);
    return Effect.mapError(Effect.provideService(source, HttpProxy, proxy), named(word));
  });

/** The torrent that `word` names and its bytes; a magnet link or an info-hash has too little in it. Reads at most 10 MB. */
export const readTorrent = (word: string) =>
  Effect.gen(function* () {
    if (linkOf(word) !== undefined) return yield* Effect.fail<SourceReason>({ _tag: "OnlyLink" });
    const bytes = yield* bytesOf(word);
    return { bytes, metainfo: yield* ofBytes(bytes) };
  }).pipe(Effect.mapError(named(word)));
