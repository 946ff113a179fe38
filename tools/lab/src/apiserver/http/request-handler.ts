import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Features } from '../features.ts';
import { isJsonObject } from '../objects/kube-object.ts';
import { encodeObject } from '../resources/object-codec.ts';
import { ResourceApi } from '../resource-api.ts';
import type { DeleteOptions, WriteOptions, Written } from '../resource-api.ts';
import {
  badRequest,
  internalError,
  methodNotAllowed,
  StatusError,
  unauthorized,
  unknownPath,
} from '../status-error.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { discover } from './discovery.ts';
import type { ServedVersions } from './discovery.ts';
import type { Fault, FaultRules } from './fault-rules.ts';
import { listResponse, readRevision } from './list-response.ts';
import { PATCH_TYPES, readBody } from './request-body.ts';
import type { RequestBody } from './request-body.ts';
import { readPath, verbOf } from './request-info.ts';
import type { ResourceRequest } from './request-info.ts';
import type { RequestRecord } from './request-record.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import type { Predicate } from './selectors.ts';
import { WatchStream } from './watch-stream.ts';

/** What the handler works with; the server owns all of it. */
export interface HandlerContext {
  readonly store: ObjectStore;
  readonly faults: FaultRules;
  readonly requests: RequestRecord[];
  readonly watches: Set<WatchStream>;
  readonly served: ServedVersions;
  readonly features: () => Readonly<Features>;
  readonly token: string;
  readonly address: () => string;
  readonly bookmarkIntervalMs: number;
  readonly expiredWatchAnswer: 'event' | 'status';
}

/** Answers HTTP requests: authentication, faults, routing, verbs. */
export class RequestHandler {
  readonly #context: HandlerContext;
  readonly #api: ResourceApi;

  constructor(context: HandlerContext) {
    this.#context = context;
    this.#api = new ResourceApi(context.store, context.features);
  }

  /** Answers one request; never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const method = request.method ?? 'GET';
    const meaning = readPath(url.pathname, (group, version) => this.#context.served(group).includes(version));
    const resource = meaning.kind === 'resource' ? meaning.request : undefined;
    const watching = ['true', '1'].includes(url.searchParams.get('watch') ?? '');
    const verb = resource === undefined ? method.toLowerCase() : verbOf(method, resource, watching);
    const record = recordOf(request, url, resource, verb ?? method.toLowerCase());
    this.#context.requests.push(record);
    response.once('finish', () => (record.status = response.statusCode));
    const fault = this.#context.faults.match({ method, path: url.pathname, verb: record.verb });
    try {
      if (fault !== undefined && (await interrupt(fault, request, response))) return;
      if (request.headers.authorization !== `Bearer ${this.#context.token}`) throw unauthorized();
      const body = await readBody(request);
      record.body = body.value;
      if (resource === undefined) this.#other(url.pathname, method, response);
      else if (verb === undefined) throw methodNotAllowed();
      else if (verb === 'watch') this.#watch(resource, url.searchParams, response, record, fault);
      else {
        const answer = this.#answer(verb, resource, url.searchParams, body, record.userAgent);
        if (fault?.kind === 'resetAfter') request.socket.destroy();
        else send(response, answer);
      }
    } catch (error) {
      sendError(response, error);
    }
  }

  #other(path: string, method: string, response: ServerResponse): void {
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
      return;
    }
    const answer = discover(path, this.#context.served, this.#context.address());
    if (answer === undefined) throw unknownPath();
    if (method !== 'GET') throw methodNotAllowed();
    send(response, { code: 200, body: answer });
  }

  #answer(
    verb: string,
    request: ResourceRequest,
    query: URLSearchParams,
    body: RequestBody,
    userAgent: string,
  ): Answer {
    const options = (): WriteOptions => writeOptions(query, userAgent, body.contentType);
    switch (verb) {
      case 'get':
        return { code: 200, body: encodeObject(request, this.#api.get(request)) };
      case 'list':
        return {
          code: 200,
          body: listResponse(this.#api, this.#context.store, request, selection(request, query), query),
        };
      case 'create':
        if (request.subresource === 'binding') {
          this.#api.bind(request, body.value);
          return { code: 201, body: success(201) };
        }
        return written(request, this.#api.create(request, required(body), options()));
      case 'update':
        return written(request, this.#api.update(request, required(body), options()));
      case 'patch':
        return written(
          request,
          body.contentType === PATCH_TYPES[1]
            ? this.#api.apply(request, required(body), options())
            : this.#api.mergePatch(request, required(body), options()),
        );
      case 'delete': {
        const { object, gone } = this.#api.delete(request, deleteOptions(body, query));
        if (request.definition.returnsDeleted || !gone)
          return { code: 200, body: encodeObject(request, object) };
        const { definition, name } = request;
        const group = definition.group === '' ? {} : { group: definition.group };
        const details = { name, ...group, kind: definition.plural, uid: object.metadata.uid };
        return { code: 200, body: { ...success(200), details } };
      }
      default: {
        const items = this.#api.deleteCollection(
          request,
          selection(request, query),
          deleteOptions(body, query),
        );
        const { kind } = request.definition;
        const version = encodeObject(request, { apiVersion: '', kind, metadata: {} })['apiVersion'];
        return {
          code: 200,
          body: {
            kind: `${kind}List`,
            apiVersion: version,
            metadata: { resourceVersion: String(this.#context.store.revision) },
            items: items.map((object) => encodeObject(request, object)),
          },
        };
      }
    }
  }

  #watch(
    resource: ResourceRequest,
    query: URLSearchParams,
    response: ServerResponse,
    record: RequestRecord,
    fault: Fault | undefined,
  ): void {
    const { store, watches, bookmarkIntervalMs, expiredWatchAnswer } = this.#context;
    const wanted = query.get('resourceVersion') ?? '';
    const sendInitial = query.get('sendInitialEvents') === 'true';
    const bookmarks = ['true', '1'].includes(query.get('allowWatchBookmarks') ?? '');
    const seconds = Number(query.get('timeoutSeconds') ?? '0');
    const selects = selection(resource, query);
    // Without a revision, or with 0, a watch begins with what is there.
    const fresh = wanted === '' || wanted === '0' || sendInitial;
    const from = fresh ? store.revision : readRevision(wanted);
    if (expiredWatchAnswer === 'status') store.since(from);
    const stream = new WatchStream(
      response,
      store,
      {
        resource,
        namespace: resource.namespace,
        selects,
        from,
        initial: fresh ? this.#api.list(resource).filter(selects) : [],
        marksInitialEnd: sendInitial && bookmarks,
        bookmarks,
        ...(seconds > 0 ? { timeoutMs: seconds * 1000 } : {}),
      },
      { bookmarkIntervalMs, silent: fault?.kind === 'silentWatch' },
    );
    record.status = 200;
    watches.add(stream);
    response.once('close', () => watches.delete(stream));
  }
}

interface Answer {
  code: number;
  body: object;
  warnings?: readonly string[];
}

function recordOf(
  request: IncomingMessage,
  url: URL,
  resource: ResourceRequest | undefined,
  verb: string,
): RequestRecord {
  const suffix = resource === undefined || resource.subresource === '' ? '' : `/${resource.subresource}`;
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    userAgent: request.headers['user-agent'] ?? '',
    verb,
    group: resource?.definition.group ?? '',
    version: resource?.version ?? '',
    resource: resource === undefined ? '' : `${resource.definition.plural}${suffix}`,
    namespace: resource?.namespace ?? '',
    name: resource?.name ?? '',
    contentType: request.headers['content-type'] ?? '',
    status: 0,
    at: Date.now(),
  };
}

/** Carries out a fault that comes before the work; true when the request is dealt with. */
async function interrupt(fault: Fault, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  switch (fault.kind) {
    case 'status': {
      const { code, reason = 'InternalError', message = 'injected fault', retryAfter } = fault;
      if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
      sendError(response, new StatusError(code, reason, message));
      return true;
    }
    case 'hang':
      return true;
    case 'reset':
      request.socket.destroy();
      return true;
    case 'delay':
      await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
      return false;
    case 'resetAfter':
    case 'silentWatch':
      return false;
  }
}

function selection(request: ResourceRequest, query: URLSearchParams): Predicate {
  const byLabel = labelSelector(query.get('labelSelector') ?? '');
  const byField = fieldSelector(request, query.get('fieldSelector') ?? '');
  return (object) => byLabel(object) && byField(object);
}

function writeOptions(query: URLSearchParams, userAgent: string, contentType: string): WriteOptions {
  const applying = contentType === PATCH_TYPES[1];
  const force = query.get('force');
  if (force !== null && !applying) {
    throw new StatusError(
      422,
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
      { group: 'meta.k8s.io', kind: 'PatchOptions' },
    );
  }
  const fallback = applying ? '' : (userAgent.split('/', 1)[0] ?? '').slice(0, 128);
  return {
    fieldManager: query.get('fieldManager') ?? fallback,
    force: force === 'true' || force === '1',
    dryRun: query.get('dryRun') === 'All',
    strict: query.get('fieldValidation') === 'Strict',
  };
}

function deleteOptions(body: RequestBody, query: URLSearchParams): DeleteOptions {
  const value = isJsonObject(body.value) ? body.value : {};
  const conditions = isJsonObject(value['preconditions']) ? value['preconditions'] : {};
  const { uid, resourceVersion } = conditions;
  const grace = value['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
  };
}

function required(body: RequestBody): unknown {
  if (body.value === undefined) throw badRequest('the request has no body');
  return body.value;
}

function written(request: ResourceRequest, { object, unknownFields, created }: Written): Answer {
  return {
    code: created ? 201 : 200,
    body: encodeObject(request, object),
    warnings: unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`),
  };
}

function success(code: number): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code };
}

function send(response: ServerResponse, { code, body, warnings = [] }: Answer): void {
  const text = JSON.stringify(body);
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      warnings.map((warning) => `299 - ${JSON.stringify(warning)}`),
    );
  }
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sendError(response: ServerResponse, error: unknown): void {
  const { status } =
    error instanceof StatusError
      ? error
      : internalError(error instanceof Error ? error.message : String(error));
  const seconds = status.details?.retryAfterSeconds;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (seconds !== undefined) response.setHeader('retry-after', String(seconds));
  send(response, { code: status.code, body: status });
}
