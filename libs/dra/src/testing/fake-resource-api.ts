import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeApi } from '../kube/kube-api.ts';
import type { KubeConnection } from '../kube/kube-connection.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import { applyDeviceStatus, deviceKey, deviceStatusProblem } from './apply-claim-status.ts';
import type { OwnedDeviceStatus, StatusClaim } from './apply-claim-status.ts';
import { ObjectStore } from './object-store.ts';
import type { NewObject, StoreEvent } from './object-store.ts';

/** One request that the fake has received. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body: unknown;
  /** 0 until answered. */
  status: number;
}

/** An answer that a test puts in place of the real one; `'hang up'` closes the connection instead. */
export type Interception =
  { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> } | 'hang up';

type MaybePromise<T> = T | Promise<T>;

/** How the fake behaves. */
export interface FakeResourceApiOptions {
  /** Versions of resource.k8s.io that discovery tells; all of them share their objects without conversion. Only `v1` by default. */
  readonly versions?: readonly string[];
}

/**
 * A small stand-in for the API server in unit tests: nodes, ResourceSlices and ResourceClaims over HTTP on the loopback address, with
 * list, watch, optimistic locking and server-side apply of claim status. It validates next to nothing.
 */
export class FakeResourceApi {
  /** Every request so far, watches included. */
  readonly requests: RecordedRequest[] = [];
  /** May answer a request instead of the fake, or hold it for a while; undefined lets it through. */
  intercept: ((request: RecordedRequest) => MaybePromise<Interception | undefined>) | undefined;
  /** A client of this fake. */
  readonly api: KubeApi;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly #server: http.Server;
  readonly #store = new ObjectStore();
  readonly #options: FakeResourceApiOptions;
  readonly #watches = new Set<http.ServerResponse>();
  readonly #managed = new Map<string, Set<string>>();
  readonly #connection: KubeConnection;

  private constructor(server: http.Server, options: FakeResourceApiOptions) {
    this.#server = server;
    this.#options = options;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const agent = new http.Agent({ keepAlive: true });
    const settings = { server: this.url, headers: { Authorization: 'Bearer test' }, agent };
    this.#connection = { settings: () => Promise.resolve(settings), close: () => agent.destroy() };
    this.api = new KubeApi(this.#connection);
    server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
      void this.#serve(request, response);
    });
  }

  /** Starts a fake on a free port. */
  static async start(options: FakeResourceApiOptions = {}): Promise<FakeResourceApi> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeResourceApi(server, options);
  }

  /** A kubeconfig file's text for programs of their own. */
  kubeconfig(): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'fake',
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
      // client-node refuses plain HTTP unless told not to verify.
      clusters: [{ name: 'fake', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'fake', user: { token: 'test' } }],
    });
  }

  /** Requests that change something. */
  get writes(): RecordedRequest[] {
    return this.requests.filter(({ method }) => method !== 'GET');
  }

  /** The ResourceSlices, as stored. `T` is the caller's idea of their shape. */
  slices<T = KubernetesObject>(): T[] {
    return this.#store.list('resourceslices') as T[];
  }

  /** A claim, as stored. */
  claim<T = KubernetesObject>(namespace: string, name: string): T | undefined {
    return this.#store.get(`namespaces/${namespace}/resourceclaims`, name) as T | undefined;
  }

  /** Creates a node. */
  addNode(name: string): KubernetesObject {
    return this.#store.put('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  }

  /** Creates or replaces a claim, without any check. */
  putClaim(claim: NewObject): KubernetesObject {
    return this.#store.put(`namespaces/${claim.metadata.namespace ?? 'default'}/resourceclaims`, claim);
  }

  /** Deletes a claim. */
  deleteClaim(namespace: string, name: string): void {
    this.#store.delete(`namespaces/${namespace}/resourceclaims`, name);
  }

  /** Creates or replaces a slice as someone else would, without any check. */
  putSlice(slice: NewObject): KubernetesObject {
    return this.#store.put('resourceslices', slice);
  }

  /** Deletes a slice as someone else would. */
  deleteSlice(name: string): void {
    this.#store.delete('resourceslices', name);
  }

  /** Ends every watch, as the API server does every few minutes. */
  endWatches(): void {
    for (const response of this.#watches) response.end();
  }

  /** Forgets history, so that the next watch gets 410, and ends every watch. */
  expireHistory(): void {
    this.#store.compact();
    this.endWatches();
  }

  /** Stops serving and cuts all connections. */
  async stop(): Promise<void> {
    this.#connection.close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', this.url);
    const text = Buffer.concat(chunks).toString();
    const recorded: RecordedRequest = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      contentType: request.headers['content-type'] ?? '',
      body: text === '' ? undefined : JSON.parse(text),
      status: 0,
    };
    this.requests.push(recorded);
    const interception = await this.intercept?.(recorded);
    if (interception === 'hang up') {
      response.destroy();
      return;
    }
    if (interception === undefined && recorded.query['watch'] === 'true') {
      this.#watch(recorded, response);
      return;
    }
    const answer = interception ?? this.#answer(recorded);
    recorded.status = answer.status;
    const headers = { 'content-type': 'application/json', ...('headers' in answer ? answer.headers : {}) };
    response.writeHead(answer.status, headers).end(JSON.stringify(answer.body ?? {}));
  }

  #answer(request: RecordedRequest): { status: number; body?: unknown } {
    const versions = this.#options.versions ?? ['v1'];
    if (request.path === '/apis/resource.k8s.io') {
      const listed = versions.map((version) => ({ groupVersion: `resource.k8s.io/${version}`, version }));
      return { status: 200, body: { kind: 'APIGroup', versions: listed } };
    }
    const place = this.#place(request.path);
    if (place === undefined)
      return failure(404, 'NotFound', 'the server could not find the requested resource');
    const { collection, name, status } = place;
    if (name === undefined) {
      if (request.method === 'POST')
        return { status: 201, body: this.#store.put(collection, request.body as NewObject) };
      return {
        status: 200,
        body: {
          metadata: { resourceVersion: String(this.#store.version) },
          items: this.#selected(collection, request),
        },
      };
    }
    const existing = this.#store.get(collection, name);
    if (existing === undefined) return failure(404, 'NotFound', `${collection} "${name}" not found`);
    if (request.method === 'PUT') {
      const object = request.body as KubernetesObject;
      if (object.metadata.resourceVersion !== existing.metadata.resourceVersion) {
        return failure(
          409,
          'Conflict',
          'the object has been modified; please apply your changes to the latest version',
        );
      }
      return { status: 200, body: this.#store.put(collection, object) };
    }
    if (request.method === 'DELETE') return this.#delete(collection, existing, request.body);
    if (request.method === 'PATCH' && status) return this.#applyStatus(collection, existing, request);
    return request.method === 'GET'
      ? { status: 200, body: existing }
      : failure(405, 'MethodNotAllowed', 'no');
  }

  #place(path: string): { collection: string; name?: string; status: boolean } | undefined {
    const match =
      /^\/(?:api\/v1|apis\/resource\.k8s\.io\/(?<version>\w+))\/(?<collection>(?:namespaces\/[^/]+\/)?\w+)(?:\/(?<name>[^/]+))?(?<status>\/status)?$/.exec(
        path,
      );
    const { version, collection, name, status } = match?.groups ?? {};
    if (collection === undefined) return undefined;
    if (version !== undefined && !(this.#options.versions ?? ['v1']).includes(version)) return undefined;
    return {
      collection,
      status: status !== undefined,
      ...(name === undefined ? {} : { name: decodeURIComponent(name) }),
    };
  }

  #delete(collection: string, existing: KubernetesObject, body: unknown): { status: number; body?: unknown } {
    const { preconditions } = (body ?? {}) as { preconditions?: { uid?: string; resourceVersion?: string } };
    const { uid, resourceVersion } = existing.metadata;
    if (
      (preconditions?.uid ?? uid) !== uid ||
      (preconditions?.resourceVersion ?? resourceVersion) !== resourceVersion
    ) {
      return failure(409, 'Conflict', 'Precondition failed');
    }
    this.#store.delete(collection, existing.metadata.name);
    return { status: 200, body: existing };
  }

  #applyStatus(
    collection: string,
    existing: KubernetesObject,
    request: RecordedRequest,
  ): { status: number; body?: unknown } {
    const patch = request.body as { metadata: { uid?: string }; status?: { devices?: OwnedDeviceStatus[] } };
    const manager = request.query['fieldManager'] ?? '';
    if (request.contentType !== 'application/apply-patch+yaml' || manager === '') {
      return failure(415, 'UnsupportedMediaType', 'this fake only knows server-side apply');
    }
    if ((patch.metadata.uid ?? existing.metadata.uid) !== existing.metadata.uid) {
      return failure(409, 'Conflict', 'uid mismatch');
    }
    const applied = patch.status?.devices ?? [];
    const claim = existing as KubernetesObject & StatusClaim;
    const problem = deviceStatusProblem(claim, applied);
    if (problem !== undefined) return failure(422, 'Invalid', problem);
    const ownedKey = `${existing.metadata.uid}|${manager}`;
    const owned = this.#managed.get(ownedKey) ?? new Set<string>();
    const devices = applyDeviceStatus(claim.status?.devices ?? [], owned, applied);
    this.#managed.set(ownedKey, new Set(applied.map(deviceKey)));
    const stored = { ...claim, status: { ...claim.status, devices } };
    return { status: 200, body: this.#store.put(collection, stored) };
  }

  #watch(request: RecordedRequest, response: http.ServerResponse): void {
    const collection = this.#place(request.path)?.collection ?? '';
    const missed = this.#store.since(Number(request.query['resourceVersion']));
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    if (missed === undefined) {
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: failure(410, 'Expired', 'too old resource version').body })}\n`,
      );
      return;
    }
    const send = (event: StoreEvent) => {
      if (response.writableEnded || event.collection !== collection || !selects(request, event.object))
        return;
      response.write(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
    };
    missed.forEach(send);
    const unsubscribe = this.#store.subscribe(send);
    this.#watches.add(response);
    response.on('close', () => {
      unsubscribe();
      this.#watches.delete(response);
    });
  }

  #selected(collection: string, request: RecordedRequest): KubernetesObject[] {
    return this.#store.list(collection).filter((object) => selects(request, object));
  }
}

/** Starts a `FakeResourceApi`. */
export function fakeResourceApi(options?: FakeResourceApiOptions): Promise<FakeResourceApi> {
  return FakeResourceApi.start(options);
}

function selects(request: RecordedRequest, object: KubernetesObject): boolean {
  const terms = (request.query['fieldSelector'] ?? '').split(',').filter((term) => term !== '');
  return terms.every((term) => {
    const [path = '', wanted] = term.split('=');
    const found = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object);
    return found === wanted;
  });
}

function failure(code: number, reason: string, message: string): { status: number; body: unknown } {
  return {
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message },
  };
}
