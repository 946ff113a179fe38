/** Stands for the process having been killed: whoever sees it does nothing more. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

/** The calls that leave the kernel's state as it is. Whatever else there is, or will be, counts as changing it. */
const reading = new Set([
  ...['link', 'linkAsync', 'linkIndex', 'links', 'linksAsync', 'ipv4Configuration', 'namespaceId'],
  ...[
    'addresses',
    'addressesAsync',
    'routes',
    'routesAsync',
    'rules',
    'neighbours',
    'nexthopObjects',
    'filters',
  ],
  // Of settings, features and eBPF programs.
  ...['read', 'readDirectories', 'features', 'privateFlags', 'tcxPrograms', 'openEthtool'],
]);

/** Counts the calls that change the kernel's state and crashes at a chosen one, before the kernel saw it or after. */
export class CrashPlan {
  readonly #at: number;
  readonly #when: 'before' | 'after';
  #calls = 0;
  #crashed = false;

  /** @param at number of the call to crash at, counted from 0; `Infinity` for never */
  constructor(at: number, when: 'before' | 'after') {
    this.#at = at;
    this.#when = when;
  }

  /** Whether the crash has happened. */
  get crashed(): boolean {
    return this.#crashed;
  }

  /** A socket, or another way to the kernel, that follows the plan and otherwise is the given one. */
  apply<T extends object>(socket: T): T {
    return new Proxy(socket, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        if (property === 'close' || property === Symbol.dispose) return member.bind(target);
        return (...parameters: unknown[]) =>
          this.#call(String(property), () => member.apply(target, parameters));
      },
    });
  }

  #call(name: string, call: () => unknown): unknown {
    // A dead process reads nothing either.
    if (this.#crashed) throw new SimulatedCrash();
    if (reading.has(name) || this.#calls++ !== this.#at) return call();
    if (this.#when === 'before') return this.#crash();
    const result = call();
    return result instanceof Promise ? result.then(() => this.#crash()) : this.#crash();
  }

  #crash(): never {
    this.#crashed = true;
    throw new SimulatedCrash();
  }
}
