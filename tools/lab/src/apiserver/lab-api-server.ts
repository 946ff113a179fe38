import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ServiceAccountTokenRequest } from './authentication/service-account-token.ts';
import { TokenAuthenticator } from './authentication/token-authenticator.ts';
import { createServerCertificates } from './certificates.ts';
import { DEFAULT_FEATURES } from './features.ts';
import type { Features } from './features.ts';
import { FaultRules } from './http/fault-rules.ts';
import type { FaultRule, Injection } from './http/fault-rules.ts';
import { RequestHandler } from './http/request-handler.ts';
import type { RequestRecord } from './http/request-record.ts';
import type { WatchStream } from './http/watch-stream.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { ServerAddress } from './kubeconfig.ts';
import { LabApiClient } from './lab-api-client.ts';
import { timestamp } from './objects/kube-object.ts';
import { expired } from './status-error.ts';
import { ObjectStore } from './store/object-store.ts';

/** A version of resource.k8s.io. */
export type ResourceApiVersion = 'v1' | 'v1beta2' | 'v1beta1';

/** How a lab API server is set up. */
export interface LabApiServerOptions {
  /** Where the kubeconfig file goes; must exist. */
  directory: string;
  /** Gates that differ from the default. */
  features?: Partial<Features>;
  /** The versions of resource.k8s.io that are served, preferred first. Default: v1, v1beta2, v1beta1. */
  resourceVersions?: readonly ResourceApiVersion[];
  /** Default 0: any free port. */
  port?: number;
  /** How often a watch that allows bookmarks gets one; default 60,000 ms, about what the real server does. */
  bookmarkIntervalMs?: number;
  /**
   * How a watch from a compacted revision is told so: by an ERROR event in a stream that starts normally (default; what
   * the real server's watch cache does), or by the answer's status.
   */
  expiredWatchAnswer?: 'event' | 'status';
}

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** A Kubernetes API server for tests: HTTPS on 127.0.0.1, all state in memory. */
export class LabApiServer {
  /** Base address, `https://127.0.0.1:<port>`. */
  readonly url: string;
  /** The file that gives any Kubernetes client full access. */
  readonly kubeconfigPath: string;
  /** Direct access to the objects in their storage form. */
  readonly store: ObjectStore;
  /** Every request since the start or the last `requests.length = 0`, oldest first. */
  readonly requests: RequestRecord[];
  readonly #http: Server;
  readonly #connection: ServerAddress;
  readonly #tokens: TokenAuthenticator;
  readonly #faults: FaultRules;
  readonly #watches: Set<WatchStream>;
  readonly #state: MutableState;

  private constructor(parts: Parts) {
    this.url = parts.connection.url;
    this.kubeconfigPath = parts.kubeconfigPath;
    this.store = parts.store;
    this.requests = parts.requests;
    this.#http = parts.http;
    this.#connection = parts.connection;
    this.#tokens = parts.tokens;
    this.#faults = parts.faults;
    this.#watches = parts.watches;
    this.#state = parts.state;
  }

  /** Starts a server; resolves when it accepts connections. */
  static async start(options: LabApiServerOptions): Promise<LabApiServer> {
    const certificates = await createServerCertificates();
    const state: MutableState = {
      features: { ...DEFAULT_FEATURES, ...options.features },
      versions: options.resourceVersions ?? ['v1', 'v1beta2', 'v1beta1'],
    };
    const [store, faults, requests, watches] = [
      new ObjectStore(),
      new FaultRules(),
      [] as RequestRecord[],
      new Set<WatchStream>(),
    ];
    const tokens = new TokenAuthenticator(store);
    let url = '';
    const handler = new RequestHandler({
      store,
      faults,
      requests,
      watches,
      served: (group) => (group === 'resource.k8s.io' ? state.versions : ['v1']),
      features: () => state.features,
      tokens,
      address: () => new URL(url).host,
      bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
      expiredWatchAnswer: options.expiredWatchAnswer ?? 'event',
    });
    const http = createServer(
      { cert: certificates.certificate, key: certificates.privateKey },
      (request, response) => void handler.handle(request, response),
    );
    // As long as a client may keep a connection, as with a real one; after 5 s a client that is late would find it closed.
    http.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    url = `https://127.0.0.1:${String((http.address() as AddressInfo).port)}`;
    const connection = { url, authority: certificates.authority };
    const kubeconfigPath = join(options.directory, 'kubeconfig.yaml');
    writeKubeconfig(kubeconfigPath, { ...connection, token: tokens.adminToken });
    for (const name of NAMESPACES) createNamespace(store, name);
    return new LabApiServer({
      ...{ connection, tokens, kubeconfigPath, store, requests },
      ...{ http, faults, watches, state },
    });
  }

  /** Puts a fault rule in force. */
  inject(rule: FaultRule): Injection {
    return this.#faults.inject(rule);
  }

  /** Forgets the history of writes: a watch or a list from an older revision gets 410 "Expired". */
  compact(): void {
    this.store.compact();
  }

  /** Switches feature gates while running; what is stored stays as it is. */
  setFeatures(features: Partial<Features>): void {
    this.#state.features = { ...this.#state.features, ...features };
  }

  /** Changes which versions of resource.k8s.io are served, preferred first. */
  setResourceVersions(versions: readonly ResourceApiVersion[]): void {
    this.#state.versions = versions;
  }

  /** Sends a bookmark on every open watch that allows them. */
  sendBookmarks(): void {
    for (const watch of this.#watches) watch.bookmark();
  }

  /** Ends every open watch with a 410 "Expired" error event. */
  expireWatches(): void {
    const { status } = expired('The resourceVersion for the provided watch is too old.');
    for (const watch of [...this.#watches]) watch.fail(status);
  }

  /** Ends every open watch in good order, as time-outs do. */
  endWatches(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  /**
   * Leaves open watches open and says nothing more on them.
   *
   * @param of a part of the names of the users whose watches are meant; without it, everybody's
   */
  silenceWatches(of = ''): void {
    for (const watch of this.#watches) if (watch.user.includes(of)) watch.silence();
  }

  /** How many watches are open. */
  get openWatches(): number {
    return [...this.#watches].filter(({ ended }) => !ended).length;
  }

  /**
   * Issues a token of a service account, bound to a node and a pod as the kubelet binds them; the binding is taken as given, there
   * need be no such node or pod. Throws when there is no such service account.
   */
  issueToken(request: ServiceAccountTokenRequest): string {
    return this.#tokens.issue(request);
  }

  /** Makes a token worthless: from now on requests with it are answered 401. Watches that are open stay open. */
  revokeToken(token: string): void {
    this.#tokens.revoke(token);
  }

  /**
   * Writes a kubeconfig file for whoever's token is in `tokenFile`, an absolute path. Clients read that file again and again, so that
   * the token can be replaced.
   */
  writeKubeconfig(path: string, { tokenFile }: { readonly tokenFile: string }): void {
    writeKubeconfig(path, { ...this.#connection, tokenFile });
  }

  /** A client, with full access unless it is given a token. */
  client(options: ClientOptions = {}): LabApiClient {
    const { userAgent, token, everyVersion = false } = options;
    const admin = everyVersion ? this.#tokens.everyVersionToken : this.#tokens.adminToken;
    const connection = { ...this.#connection, token: token ?? admin };
    return new LabApiClient(connection, userAgent === undefined ? {} : { userAgent });
  }

  /** Closes all connections and the port. */
  async stop(): Promise<void> {
    for (const watch of [...this.#watches]) watch.end();
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }
}

/** Whose client it is. */
export interface ClientOptions {
  userAgent?: string;
  /** A token of {@link LabApiServer.issueToken}; by default the admin's. */
  token?: string;
  /**
   * Whether the admin's client also sees the versions that are switched off, converted as always. For stand-ins that know only the
   * storage version, when the server is one that does not offer it to others.
   */
  everyVersion?: boolean;
}

interface MutableState {
  features: Readonly<Features>;
  versions: readonly ResourceApiVersion[];
}

interface Parts {
  connection: ServerAddress;
  tokens: TokenAuthenticator;
  kubeconfigPath: string;
  store: ObjectStore;
  requests: RequestRecord[];
  http: Server;
  faults: FaultRules;
  watches: Set<WatchStream>;
  state: MutableState;
}

function createNamespace(store: ObjectStore, name: string): void {
  const labels = { 'kubernetes.io/metadata.name': name };
  store.put(
    { resource: 'namespaces', namespace: '', name },
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, uid: crypto.randomUUID(), creationTimestamp: timestamp(), labels },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    },
  );
}
