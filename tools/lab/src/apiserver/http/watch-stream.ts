import type { ServerResponse } from 'node:http';
import { apiVersion, encodeObject } from '../resources/object-codec.ts';
import type { VersionedResource } from '../resources/object-codec.ts';
import { StatusError } from '../status-error.ts';
import type { Status } from '../status-error.ts';
import type { ObjectStore, StoreEvent } from '../store/object-store.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import type { Predicate } from './selectors.ts';

/** What a watch delivers. */
export interface WatchRequest {
  /** Name of whoever watches. */
  readonly user: string;
  readonly resource: VersionedResource;
  readonly namespace: string;
  readonly selects: Predicate;
  /** Events after this revision. */
  readonly from: number;
  /** Objects to announce first, as ADDED. */
  readonly initial: readonly KubeObject[];
  /** Whether a bookmark marks the end of the initial objects. */
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  /** Ends the watch; undefined: after half an hour. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30 * 60 * 1000;

/** One open watch: JSON lines over a chunked answer. */
export class WatchStream {
  readonly #response: ServerResponse;
  readonly #request: WatchRequest;
  readonly #store: ObjectStore;
  readonly #unsubscribe: () => void;
  readonly #timers: NodeJS.Timeout[];
  #silent: boolean;
  #ended = false;

  constructor(
    response: ServerResponse,
    store: ObjectStore,
    request: WatchRequest,
    options: { bookmarkIntervalMs: number; silent: boolean },
  ) {
    this.#response = response;
    this.#request = request;
    this.#store = store;
    this.#silent = options.silent;
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    response.flushHeaders();
    for (const object of request.initial) this.#send('ADDED', object);
    if (request.marksInitialEnd) this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    let missed: StoreEvent[] = [];
    let tooOld: Status | undefined;
    try {
      missed = store.since(request.from);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      tooOld = error.status;
    }
    for (const event of missed) this.#deliver(event);
    this.#unsubscribe = store.subscribe((event) => this.#deliver(event));
    const timeout = setTimeout(() => this.#expire(), request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const ticker = setInterval(() => this.bookmark(), options.bookmarkIntervalMs);
    this.#timers = [timeout, ticker];
    response.once('close', () => this.#release());
    // The real server reports a compacted start inside the stream, not as the answer's status.
    if (tooOld !== undefined) this.fail(tooOld);
  }

  /** Name of whoever watches. */
  get user(): string {
    return this.#request.user;
  }

  /** Whether the watch is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a bookmark with the store's revision, when the client takes them. */
  bookmark(): void {
    if (this.#request.bookmarks) this.#bookmark();
  }

  /** Reports an error and ends the watch. */
  fail(status: Status): void {
    this.#line({ type: 'ERROR', object: status });
    this.end();
  }

  /** Stops delivering without ending: what a client sees of a network that swallows packets. */
  silence(): void {
    this.#silent = true;
  }

  /** Ends the watch in good order. */
  end(): void {
    const open = !this.#ended;
    this.#release();
    if (open && !this.#silent) this.#response.end();
  }

  #expire(): void {
    // As the real server does, so that the client can resume where the watch ended.
    this.bookmark();
    this.end();
  }

  #release(): void {
    this.#ended = true;
    this.#unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #deliver(event: StoreEvent): void {
    const { resource, namespace, selects } = this.#request;
    if (event.resource !== resource.definition.storage) return;
    if (namespace !== '' && event.object.metadata.namespace !== namespace) return;
    const before = event.previous !== undefined && selects(event.previous);
    const after = event.type !== 'DELETED' && selects(event.object);
    if (after) this.#send(before ? 'MODIFIED' : 'ADDED', event.object);
    else if (before && event.previous !== undefined) {
      // The last state that the client was shown, at the revision of the event.
      const { metadata } = event.previous;
      this.#send('DELETED', {
        ...event.previous,
        metadata: { ...metadata, resourceVersion: String(event.revision) },
      });
    }
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { resource } = this.#request;
    this.#line({
      type: 'BOOKMARK',
      object: {
        kind: resource.definition.kind,
        apiVersion: apiVersion(resource),
        metadata: {
          resourceVersion: String(this.#store.revision),
          creationTimestamp: null,
          ...(annotations === undefined ? {} : { annotations }),
        },
      },
    });
  }

  #send(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.#line({ type, object: encodeObject(this.#request.resource, object) });
  }

  #line(event: { type: string; object: unknown }): void {
    if (!this.#silent && !this.#ended) this.#response.write(`${JSON.stringify(event)}\n`);
  }
}
