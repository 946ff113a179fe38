import type { Features } from './features.ts';
import type { FaultRule, Injection } from './http/fault-rules.ts';
import type { RequestRecord } from './http/request-record.ts';
import { ObjectStore } from './store/object-store.ts';
import { LabApiClient } from './lab-api-client.ts';

/** How a lab API server is set up. */
export interface LabApiServerOptions {
  /** Where the kubeconfig file goes; must exist. */
  directory: string;
  /** Gates that differ from the default. */
  features?: Partial<Features>;
  /** The versions of resource.k8s.io that are served, preferred first. Default: v1, v1beta2, v1beta1. */
  resourceVersions?: readonly ('v1' | 'v1beta2' | 'v1beta1')[];
  /** Default 0: any free port. */
  port?: number;
  /** How often a watch that allows bookmarks gets one; default 60,000 ms, about what the real server does. */
  bookmarkIntervalMs?: number;
}

/** A Kubernetes API server for tests: HTTPS on 127.0.0.1, all state in memory. */
export class LabApiServer {
  /** Base address, `https://127.0.0.1:<port>`. */
  readonly url: string = '';
  readonly kubeconfigPath: string = '';
  /** Direct access to the objects in their storage form. */
  readonly store: ObjectStore = new ObjectStore();
  /** Every request since the start or the last `requests.length = 0`, oldest first. */
  readonly requests: RequestRecord[] = [];

  /** Starts a server; resolves when it accepts connections. */
  static async start(_options: LabApiServerOptions): Promise<LabApiServer> {
    throw new Error('not built yet');
  }

  /** Puts a fault rule in force. */
  inject(_rule: FaultRule): Injection {
    throw new Error('not built yet');
  }

  /** Forgets the history of writes: a watch or a list from an older revision gets 410 "Expired". */
  compact(): void {
    this.store.compact();
  }

  /** Switches feature gates while running; what is stored stays as it is. */
  setFeatures(_features: Partial<Features>): void {
    throw new Error('not built yet');
  }

  /** A client with full access. */
  client(_options?: { userAgent?: string }): LabApiClient {
    throw new Error('not built yet');
  }

  /** Closes all connections and the port. */
  async stop(): Promise<void> {}
}
