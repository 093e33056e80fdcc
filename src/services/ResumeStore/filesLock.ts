/**
 * Locks between processes. Each holder has a file of its own whose name says who it is; whoever wants the lock puts its file there first and
 * then looks for others: of two that come at once, at least the later sees the other, so that both never hold it. Who was alone puts a second
 * file there, so that later comers need not try again. Files of a dead process can be removed by anybody at any time: no name is used twice.
 */
import * as Effect from "effect/Effect";
import * as Random from "effect/Random";
import type * as Scope from "effect/Scope";
import { randomUUID } from "node:crypto";
import * as Path from "node:path";
import { ResumeError } from "../../schema/errors/ResumeError.ts";
import { StorageError } from "../../schema/errors/StorageError.ts";
import * as Fs from "../promisedFs.ts";
import { makeAll, PRIVATE } from "../Storage/filesMaking.ts";

/** Times that a lock is tried for while others do the same: two that start together may see each other and both step back. */
const TRIES = 20;

/** Between two tries, in milliseconds: at random, so that one of the two is alone next time. */
const WAIT = { minimum: 20, maximum: 150 };

/** The end of the second file's name. */
const HELD = "held";

/** A process, told from a later one with the same number. */
interface Holder {
  readonly pid: number;
  /** When it started, in the kernel's ticks; `0` where that cannot be learnt. */
  readonly started: string;
  readonly bootId: string;
  /** Whether it has the lock, or only tries for it. */
  readonly held: boolean;
}

/** Asks for a lock. */
export interface LockRequest {
  /** Folder of the locks. */
  readonly folder: string;
  /** What is locked: letters and digits. */
  readonly name: string;
  /** What people are told is locked. */
  readonly path: string;
  readonly bootId: string;
}

const startOf = (pid: number): Promise<string> =>
  Fs.readFile(`/proc/${pid}/stat`, "latin1").then(
    // The second field, the program's name in brackets, may hold anything: counting begins behind it. Field 22 is the start time.
    (text) => text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "0",
    () => "0",
  );

const isAlive = async (holder: Holder, bootId: string): Promise<boolean> => {
  if (holder.bootId !== bootId) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (cause) {
    // Any other refusal (EPERM) shows that there is such a process.
    if (cause instanceof Error && "code" in cause && cause.code === "ESRCH") return false;
  }
  const started = await startOf(holder.pid);
  return holder.started === "0" || started === "0" || started === holder.started;
};

/** `<name>.<pid>.<started>.<boot id>.<once>`, with `.held` behind it in the second file. */
const parse = (file: string, name: string): Holder | undefined => {
  const [what, pid, started, bootId, once, held] = file.split(".");
  if (what !== name || pid === undefined || started === undefined || bootId === undefined || once === undefined) {
    return undefined;
  }
  return /^[0-9]{1,10}$/.test(pid) ? { pid: Number(pid), started, bootId, held: held === HELD } : undefined;
};

/** Living processes other than this claim, those that hold the lock first; files of dead ones are removed on the way. */
const livingOthers = async ({ folder, name, bootId }: LockRequest, own: string): Promise<ReadonlyArray<Holder>> => {
  const living: Array<Holder> = [];
  for (const file of await Fs.readdir(folder)) {
    const holder = file === own ? undefined : parse(file, name);
    if (holder === undefined) continue;
    if (await isAlive(holder, bootId)) living.push(holder);
    else await Fs.remove(Path.join(folder, file));
  }
  return living.sort((a, b) => Number(b.held) - Number(a.held));
};

/** Holds the lock for as long as the scope lives; fails with `Busy` when a living process has it. */
export const acquire = (request: LockRequest): Effect.Effect<void, StorageError | ResumeError, Scope.Scope> => {
  const { folder, name, path, bootId } = request;
  const unusable = (cause: unknown): ResumeError => new ResumeError({ operation: "lock", path: folder, cause });
  const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, ResumeError> =>
    Effect.tryPromise({ try: run, catch: unusable });
  const put = (file: string) => attempt(() => Fs.writeFile(Path.join(folder, file), "", { flag: "wx", mode: 0o600 }));
  // A file that cannot be removed is that of a dead process as soon as this one has ended.
  const withdraw = (own: string): Effect.Effect<void> =>
    Effect.ignore(
      attempt(async () => {
        await Fs.remove(Path.join(folder, `${own}.${HELD}`));
        await Fs.remove(Path.join(folder, own));
      }),
    );

  /** The name of this process's file when it has the lock; else who else wants it. */
  const claim = Effect.gen(function* () {
    const own = `${name}.${process.pid}.${yield* Effect.promise(() => startOf(process.pid))}.${bootId}.${randomUUID()}`;
    yield* Effect.mapError(makeAll(folder, PRIVATE), ({ cause }) => unusable(cause));
    yield* put(own);
    return yield* Effect.gen(function* () {
      const [other] = yield* attempt(() => livingOthers(request, own));
      if (other === undefined) yield* put(`${own}.${HELD}`);
      else yield* withdraw(own);
      return { own, other };
    }).pipe(Effect.tapError(() => withdraw(own)));
  });

  const tryFor = (tries: number): Effect.Effect<string, StorageError | ResumeError> =>
    Effect.flatMap(claim, ({ own, other }) => {
      if (other === undefined) return Effect.succeed(own);
      if (other.held || tries === 1) {
        return Effect.fail(new StorageError({ operation: "lock", path, reason: { _tag: "Busy", pid: other.pid } }));
      }
      return Random.nextIntBetween(WAIT.minimum, WAIT.maximum).pipe(
        Effect.flatMap((wait) => Effect.interruptible(Effect.sleep(wait))),
        Effect.andThen(tryFor(tries - 1)),
      );
    });

  return Effect.asVoid(Effect.acquireRelease(tryFor(TRIES), withdraw));
};
