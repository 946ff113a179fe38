import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type ForeignLibraries, loadForeignLibraries } from '@patchbay/ffi';

/** Functions of the C library by which something outside of the process changes. */
const changingCalls: readonly string[] = ['send', 'mount', 'umount2', 'syscall'];
/** Functions of `node:fs` that do so; those without `Sync` also exist in `node:fs/promises`. */
const changingFileCalls: readonly string[] = [
  ...['writeFile', 'appendFile', 'mkdir', 'rm', 'rmdir', 'unlink', 'rename', 'link', 'symlink', 'chmod'],
  ...[
    'copyFile',
    'truncate',
    'utimes',
    'write',
    'writev',
    'fsync',
    'fdatasync',
    'ftruncate',
    'fchmod',
    'open',
  ],
];

/** Stands for the process having been killed: whoever sees it does nothing more. */
export class DriverDied extends Error {
  override readonly name = 'DriverDied';
}

function onlyReads(flags: unknown): boolean {
  const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
  return typeof flags === 'number' ? (flags & (O_WRONLY | O_RDWR | O_CREAT)) === 0 : (flags ?? 'r') === 'r';
}

type Call = (...parameters: unknown[]) => unknown;

/**
 * Has the driver in this process die as if the process had: from a chosen side effect on nothing that it does has any effect any more, and what
 * it calls fails. Many times faster than a real death, and as blind to what follows as that; what only a real one shows, the fault
 * matrix does.
 */
export class CrashableProcess {
  /** By which the driver must call the C library. */
  readonly libraries: ForeignLibraries;
  /** File calls count that have a path below it, or a descriptor. */
  directory = '';
  #countdown = Infinity;
  #when: 'before' | 'after' = 'before';
  #dead = false;
  /** Asynchronous calls that have not returned. */
  readonly #underWay = new Set<Promise<unknown>>();

  /** For once in a process's life. */
  constructor() {
    this.libraries = this.#wrapLibraries(loadForeignLibraries());
    for (const name of changingFileCalls) {
      this.#replace(fs, `${name}Sync`);
      this.#replace(fs.promises, name);
    }
  }

  /** Whether it has died of {@link arm}. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Has it die at its side effect of this number, counted from 0. */
  arm(effect: number, when: 'before' | 'after'): void {
    this.#countdown = effect;
    this.#when = when;
  }

  /** Calls off what was planned, if it has not happened. */
  disarm(): void {
    this.#countdown = Infinity;
  }

  /** Has it die now. */
  die(): void {
    this.#dead = true;
  }

  /** Does what somebody else does, whom the death of the driver does not touch. */
  aside(work: () => void): void {
    const dead = this.#dead;
    this.#dead = false;
    work();
    this.#dead = dead;
  }

  /** Lets the next life begin, once whatever the last one had begun has met its end. */
  async revive(): Promise<void> {
    // While it is dead nothing new is begun; what was begun before must not go on in the next life.
    do {
      await Promise.allSettled(this.#underWay);
      await pause(2);
    } while (this.#underWay.size > 0);
    this.disarm();
    this.#dead = false;
  }

  #replace(owner: object, name: string): void {
    const original = Reflect.get(owner, name) as Call | undefined;
    if (original === undefined) return;
    const guarded = (...parameters: unknown[]) => {
      const [path, flags] = parameters;
      const ours = typeof path === 'number' || String(path).startsWith(this.directory);
      // A descriptor that only reads changes nothing, and would be closed by a real death: one of a namespace keeps that alive.
      const changes = ours && !(name.startsWith('open') && onlyReads(flags));
      return changes
        ? this.#effect(() => original.apply(owner, parameters))
        : original.apply(owner, parameters);
    };
    Reflect.set(owner, name, guarded);
  }

  #wrapLibraries(libraries: ForeignLibraries): ForeignLibraries {
    const load: ForeignLibraries['load'] = (path) => {
      const library = libraries.load(path);
      const declare = ((signature: Parameters<typeof library.declare>[0]) => {
        const native = library.declare(signature);
        return this.#guard(native, changingCalls.includes(signature.name));
      }) as typeof library.declare;
      return { path, declare };
    };
    return new Proxy(libraries, {
      get: (target, property) => {
        if (property === 'load') return load;
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === 'function' ? (member as Call).bind(target) : member;
      },
    });
  }

  #guard<F extends object>(native: F, changes: boolean): F {
    return new Proxy(native, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        const call = (parameters: unknown[]) => (member as Call).apply(target, parameters);
        if (changes) return (...parameters: unknown[]) => this.#effect(() => call(parameters));
        return property === 'callAsync'
          ? (...parameters: unknown[]) => this.#follow(call(parameters))
          : member.bind(target);
      },
    });
  }

  #effect(call: () => unknown): unknown {
    if (this.#dead) throw new DriverDied();
    if (this.#countdown-- > 0) return this.#follow(call());
    if (this.#when === 'before') return this.#crash();
    const result = this.#follow(call());
    this.#dead = true;
    if (result instanceof Promise) return result.then(() => this.#crash());
    return this.#crash();
  }

  /** Remembers what is under way until it is not any more. */
  #follow(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    this.#underWay.add(result);
    const end = () => this.#underWay.delete(result);
    result.then(end, end);
    return result;
  }

  #crash(): never {
    this.#dead = true;
    throw new DriverDied();
  }
}
