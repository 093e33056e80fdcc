/** What all real clients are to these tests: somebody who has the whole payload and listens. */

/** A client that shares. */
export interface Seeder {
  /** `ip:port`, as `--peer` takes it. */
  readonly address: string;
}
