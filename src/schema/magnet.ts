/** Magnet links (BEP 9, 53): the model that `magnet-uri` is fronted by. */
import type { InfoHash } from "./infoHash.ts";

/** What a magnet link says, checked and bounded. */
export interface Magnet {
  /** The hash used on the wire: v1's where there is one, else the truncated v2 hash. */
  readonly infoHash: InfoHash;
  readonly infoHashV1?: string;
  readonly infoHashV2?: string;
  /** `dn`, as given (not sanitised). */
  readonly name?: string;
  /** `xl`, bytes. */
  readonly length?: number;
  /** `tr`: each its own tier. */
  readonly trackers: ReadonlyArray<string>;
  readonly webSeeds: ReadonlyArray<string>;
  /** `x.pe`, split but not resolved. */
  readonly peers: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  /** `dht` nodes. */
  readonly nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  /** `so` (BEP 53): inclusive ranges of file indices, not expanded. */
  readonly selectOnly?: ReadonlyArray<readonly [first: number, last: number]>;
}
