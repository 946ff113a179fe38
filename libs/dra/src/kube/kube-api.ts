import * as http from 'node:http';
import * as https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { ApiError, ApiUnreachableError } from './api-error.ts';
import {
  inClusterConnection,
  isInCluster,
  kubeConfigConnection,
  kubeConfigFileConnection,
} from './kube-connection.ts';
import type { KubeConnection } from './kube-connection.ts';
import { defaultKubeConfigPath } from './kube-config-path.ts';
import type { KubernetesObject, WatchEvent } from './kubernetes-object.ts';
import { readWatchEvents } from './watch-stream.ts';

/** Tunables of a `KubeApi`. */
export interface KubeApiOptions {
  /** How long a request other than a watch may take, in ms; 30,000 unless told otherwise. */
  readonly requestTimeoutMs?: number;
  /** After so much silence a watch counts as dead, in ms; 150,000 unless told otherwise. API servers send a bookmark about every minute. */
  readonly watchSilenceMs?: number;
  /** Sent as `User-Agent`; shows up in the API server's audit log. */
  readonly userAgent?: string;
}

/** One request. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path, such as `/api/v1/nodes/worker-1`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` unless told otherwise; a PATCH must say which kind it is. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Overrides `requestTimeoutMs` of the options. */
  readonly timeoutMs?: number;
}

/** A watch on one collection. */
export interface WatchRequest {
  /** Path of the collection. */
  readonly path: string;
  /** Selectors, as for the list. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Where to begin: that of the list, or of the last event or bookmark seen. */
  readonly resourceVersion: string;
  readonly signal?: AbortSignal;
  /** Overrides `watchSilenceMs` of the options. */
  readonly silenceTimeoutMs?: number;
}

const defaultRequestTimeoutMs = 30_000;
const defaultWatchSilenceMs = 150_000;

/**
 * A small client of the Kubernetes API: raw JSON requests with client-node's authentication, because its typed API loses fields of
 * `resource.k8s.io` (integer attributes).
 */
export class KubeApi {
  readonly #connection: KubeConnection;
  readonly #requestTimeoutMs: number;
  readonly #watchSilenceMs: number;
  readonly #userAgent: string;
  #server = '';

  /** Uses the current context of a client-node `KubeConfig`, or any other connection. Nothing is sent yet. */
  constructor(config: KubeConfig | KubeConnection, options: KubeApiOptions = {}) {
    this.#connection = 'settings' in config ? config : kubeConfigConnection(config);
    this.#requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
    this.#watchSilenceMs = options.watchSilenceMs ?? defaultWatchSilenceMs;
    this.#userAgent = options.userAgent ?? 'patchbay-dra';
  }

  /**
   * Finds the API server as kubectl does: the kubeconfig at `path`; without it the file that `KUBECONFIG` names, then the pod's service
   * account, then `~/.kube/config`. The file is read on the first request.
   *
   * @throws Error when there is none of these.
   */
  static fromKubeConfig(path?: string, options?: KubeApiOptions): KubeApi {
    const file = path ?? process.env['KUBECONFIG'];
    if (file !== undefined && file !== '') return new KubeApi(kubeConfigFileConnection(file), options);
    if (isInCluster()) return new KubeApi(inClusterConnection(), options);
    return new KubeApi(kubeConfigFileConnection(defaultKubeConfigPath()), options);
  }

  /**
   * Sends one request and returns the parsed answer. `T` is what the caller expects the answer to be; it is not checked. Credentials that
   * the server refuses are read again, once, because they may have been rotated.
   *
   * @throws ApiError when the server answers with an error, ApiUnreachableError when no answer comes in time, the signal's reason when
   * it is aborted.
   */
  async request<T>(request: ApiRequest): Promise<T> {
    const timeoutMs = request.timeoutMs ?? this.#requestTimeoutMs;
    // AbortSignal.timeout would stay in memory until it is over, with all that listens to it, however soon the answer comes.
    const ending = new AbortController();
    const { signal } = ending;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      ending.abort();
    }, timeoutMs);
    const cancel = () => ending.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', cancel);
    try {
      request.signal?.throwIfAborted();
      let response = await this.#send(request, signal);
      let text = await readText(response);
      if (response.statusCode === 401 && this.#connection.renew !== undefined) {
        this.#connection.renew();
        response = await this.#send(request, signal);
        text = await readText(response);
      }
      const body = parseJson(text);
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) throw new ApiError(request, status, body, retryAfter(response));
      return body as T;
    } catch (error) {
      request.signal?.throwIfAborted();
      if (late) throw this.#unreachable(request, `no answer within ${timeoutMs} ms`, error);
      if (error instanceof ApiError || error instanceof ApiUnreachableError) throw error;
      throw this.#unreachable(request, messageOf(error), error);
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', cancel);
    }
  }

  /**
   * Watches a collection until the server ends the watch (it does so every few minutes), the connection falls silent or the signal is
   * aborted: then the iteration simply ends and the caller begins again from the last `resourceVersion` seen. Bookmarks are requested
   * and passed on.
   *
   * @throws ApiError with status 410 when the server no longer knows `resourceVersion` (list again), or another status when it refuses;
   * ApiUnreachableError when the connection cannot be made or breaks.
   */
  async *watch<T extends KubernetesObject>(
    request: WatchRequest,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const failed = { method: 'WATCH', path: request.path };
    const abort = new AbortController();
    const signal =
      request.signal === undefined ? abort.signal : AbortSignal.any([request.signal, abort.signal]);
    try {
      const query = {
        ...request.query,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: request.resourceVersion,
        // Spread over time, so that the watches of a large cluster do not all end at once.
        timeoutSeconds: Math.round(300 + Math.random() * 300),
      };
      const connecting = setTimeout(
        () => abort.abort(new Error(`no answer within ${this.#requestTimeoutMs} ms`)),
        this.#requestTimeoutMs,
      );
      const response = await this.#send({ method: 'GET', path: request.path, query }, signal).finally(() =>
        clearTimeout(connecting),
      );
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        throw new ApiError(failed, status, parseJson(await readText(response)), retryAfter(response));
      }
      yield* readWatchEvents<T>(response, request.silenceTimeoutMs ?? this.#watchSilenceMs, failed);
    } catch (error) {
      if (request.signal?.aborted) return;
      if (error instanceof ApiError || error instanceof ApiUnreachableError) throw error;
      throw this.#unreachable(failed, messageOf(abort.signal.reason ?? error), error);
    } finally {
      abort.abort();
    }
  }

  /** Closes idle connections; the object stays usable. */
  close(): void {
    this.#connection.close();
  }

  async #send(request: ApiRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const settings = await this.#connection.settings();
    this.#server = settings.server;
    signal.throwIfAborted();
    const url = new URL(settings.server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const headers: Record<string, string> = {
      ...settings.headers,
      accept: 'application/json',
      'user-agent': this.#userAgent,
    };
    if (body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = String(body.length);
    }
    const attempt = (again: boolean) =>
      new Promise<http.IncomingMessage>((resolve, reject) => {
        const transport = url.protocol === 'http:' ? http : https;
        const sent = transport.request(url, {
          method: request.method,
          headers,
          agent: settings.agent,
          signal,
        });
        sent.on('response', resolve);
        sent.on('error', (error: NodeJS.ErrnoException) => {
          // A server may close a kept-alive connection just as the next request goes out on it; that request was never read. Creating
          // is the one operation that must not happen twice.
          const unread = sent.reusedSocket && error.code === 'ECONNRESET' && request.method !== 'POST';
          if (again && unread && !signal.aborted) resolve(attempt(false));
          else reject(error);
        });
        sent.end(body);
      });
    return attempt(true);
  }

  #unreachable(
    request: { method: string; path: string },
    problem: string,
    cause: unknown,
  ): ApiUnreachableError {
    return new ApiUnreachableError(request, this.#server, problem, { cause });
  }
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function retryAfter(response: http.IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after']);
  return response.headers['retry-after'] !== undefined && Number.isFinite(seconds) ? seconds : undefined;
}

/** Node reports a refused connection to several addresses as an AggregateError with an empty message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
