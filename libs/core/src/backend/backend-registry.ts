import { WiringError } from '../errors/driver-errors.ts';
import { type Backend, type BackendModule } from './backend.ts';
import { BACKEND, type BackendContainer } from './backend-container.ts';

/** A backend that the configuration enabled. */
export interface EnabledBackend {
  readonly kind: string;
  readonly backend: Backend;
}

/** A backend module with its validated section of the configuration. */
export interface BackendSelection {
  readonly module: BackendModule;
  readonly config: unknown;
}

/** The enabled backends, in the configured order: the first that discovers a link owns it. */
export class BackendRegistry implements Iterable<EnabledBackend> {
  readonly #backends: ReadonlyMap<string, EnabledBackend>;

  constructor(backends: readonly EnabledBackend[]) {
    const byKind = new Map<string, EnabledBackend>();
    for (const enabled of backends) {
      if (byKind.has(enabled.kind)) {
        throw new WiringError(
          `backend '${enabled.kind}' is enabled twice; merge its two configuration entries`,
        );
      }
      byKind.set(enabled.kind, enabled);
    }
    this.#backends = byKind;
  }

  /**
   * Registers each selected module in a child of `container` and takes its {@link BACKEND}.
   *
   * @throws WiringError naming the module that provides none, or that needs a service nobody provides
   */
  static compose(container: BackendContainer, selections: readonly BackendSelection[]): BackendRegistry {
    return new BackendRegistry(
      selections.map(({ module, config }) => {
        const scope = container.child(`backend '${module.kind}'`);
        module.register(scope, config);
        return { kind: module.kind, backend: scope.resolve(BACKEND) };
      }),
    );
  }

  /** The backend of a kind; undefined when the configuration does not enable it. */
  get(kind: string): Backend | undefined {
    return this.#backends.get(kind)?.backend;
  }

  /** The enabled kinds in the configured order. */
  get kinds(): readonly string[] {
    return [...this.#backends.keys()];
  }

  [Symbol.iterator](): Iterator<EnabledBackend> {
    return this.#backends.values();
  }
}
