import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { readKubeconfig } from './kubeconfig.ts';
import type { Connection } from './kubeconfig.ts';
import type { KubeObject } from './objects/kube-object.ts';
import type { Status } from './status-error.ts';

/** The server refused a request: what it answered. */
export class ApiRequestError extends Error {
  readonly code: number;
  readonly status: Status;
  /** Seconds to wait before the next try, when the server said so. */
  readonly retryAfter: number | undefined;

  constructor(method: string, path: string, code: number, status: Status, retryAfter: number | undefined) {
    super(`${method} ${path}: ${String(code)} ${status.message ?? ''}`);
    this.name = 'ApiRequestError';
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** A request to the API. */
export interface ApiRequest {
  method: string;
  /** Path without a query, from `/`. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean>>;
  body?: unknown;
  /** Of the body; JSON when left out. */
  contentType?: string;
  signal?: AbortSignal;
}

/** A list as the API returns it. */
export interface ObjectList<T> {
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

/** One line of a watch. */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

/** The lab's own small API client: JSON over HTTPS with a bearer token. */
export class LabApiClient {
  readonly #connection: Connection;
  readonly #agent: Agent;
  readonly #userAgent: string;

  constructor(connection: Connection, options: { userAgent?: string } = {}) {
    this.#connection = connection;
    this.#agent = new Agent({ ca: connection.authority, keepAlive: true });
    this.#userAgent = options.userAgent ?? 'lab-client';
  }

  /** A client for the cluster that a kubeconfig file of the lab names. */
  static fromKubeconfig(path: string, options: { userAgent?: string } = {}): LabApiClient {
    return new LabApiClient(readKubeconfig(path), options);
  }

  /** Sends a request and returns the parsed answer; throws {@link ApiRequestError} for any status of 300 or more. */
  async request<T = KubeObject>(request: ApiRequest): Promise<T> {
    const response = await this.#send(request);
    const text = await readText(response);
    return JSON.parse(text) as T;
  }

  /**
   * Opens a watch on a list path and yields its events until the server ends it, the signal aborts
   * (which ends the iteration without an error), or the connection breaks (which throws).
   */
  async *watch<T = KubeObject>(request: Omit<ApiRequest, 'method' | 'body'>): AsyncGenerator<WatchEvent<T>> {
    try {
      const query = { ...request.query, watch: true };
      const response = await this.#send({ ...request, method: 'GET', query });
      const lines = createInterface({ input: response, crlfDelay: Infinity });
      // readline does not report a broken input to its iterator.
      const broken = new Promise<never>((_resolve, reject) => response.once('error', reject));
      broken.catch(() => undefined);
      const iterator = lines[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await Promise.race([iterator.next(), broken]);
          if (next.done === true) {
            if (response.readableAborted) await broken;
            return;
          }
          if (next.value !== '') yield JSON.parse(next.value) as WatchEvent<T>;
        }
      } finally {
        lines.close();
        response.destroy();
      }
    } catch (error) {
      if (request.signal?.aborted !== true) throw error;
    }
  }

  /** Lists a path; the shape of a GET that returns a list. */
  async list<T = KubeObject>(path: string, query: ApiRequest['query'] = {}): Promise<ObjectList<T>> {
    return this.request<ObjectList<T>>({ method: 'GET', path, query });
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  #send(request: ApiRequest): Promise<IncomingMessage> {
    const url = new URL(request.path, this.#connection.url);
    for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, String(value));
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        url,
        {
          method: request.method,
          agent: this.#agent,
          ...(request.signal === undefined ? {} : { signal: request.signal }),
          headers: {
            authorization: `Bearer ${this.#connection.token}`,
            accept: 'application/json',
            'user-agent': this.#userAgent,
            ...(body === undefined
              ? {}
              : {
                  'content-type': request.contentType ?? 'application/json',
                  'content-length': Buffer.byteLength(body),
                }),
          },
        },
        (response) => {
          const code = response.statusCode ?? 0;
          if (code < 300) {
            resolve(response);
            return;
          }
          readText(response).then((text) => {
            const retryAfter = response.headers['retry-after'];
            const seconds = retryAfter === undefined ? undefined : Number(retryAfter);
            reject(new ApiRequestError(request.method, url.pathname, code, parseStatus(text, code), seconds));
          }, reject);
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parseStatus(text: string, code: number): Status {
  try {
    return JSON.parse(text) as Status;
  } catch {
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: text, code };
  }
}
