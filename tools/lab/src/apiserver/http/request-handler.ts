import type { IncomingMessage, ServerResponse } from 'node:http';
import { ValidatingAdmission } from '../admission/validating-admission.ts';
import type { TokenAuthenticator } from '../authentication/token-authenticator.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import { accessOfRequest } from '../authorization/access.ts';
import type { Caller } from '../authorization/caller.ts';
import { RbacAuthorizer } from '../authorization/rbac-authorizer.ts';
import type { Features } from '../features.ts';
import { isJsonObject } from '../objects/kube-object.ts';
import { encodeObject } from '../resources/object-codec.ts';
import { ResourceApi } from '../resource-api.ts';
import { badRequest, methodNotAllowed, StatusError, unauthorized, unknownPath } from '../status-error.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { DeleteOptions, WriteOptions, Written } from '../write-options.ts';
import { send, sendError, success } from './answer.ts';
import type { Answer } from './answer.ts';
import { discover, everyVersion } from './discovery.ts';
import type { ServedVersions } from './discovery.ts';
import type { Fault, FaultRules } from './fault-rules.ts';
import { listResponse, readRevision } from './list-response.ts';
import { PATCH_TYPES, readBody } from './request-body.ts';
import type { RequestBody } from './request-body.ts';
import { readPath, verbOf } from './request-info.ts';
import type { ResourceRequest } from './request-info.ts';
import { recordOf } from './request-record.ts';
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
  readonly tokens: TokenAuthenticator;
  readonly address: () => string;
  readonly bookmarkIntervalMs: number;
  readonly expiredWatchAnswer: 'event' | 'status';
}

/** Answers HTTP requests: faults, authentication, authorization, routing, verbs. */
export class RequestHandler {
  readonly #context: HandlerContext;
  readonly #authorizer: RbacAuthorizer;
  readonly #api: ResourceApi;

  constructor(context: HandlerContext) {
    this.#context = context;
    this.#authorizer = new RbacAuthorizer(context.store);
    const admission = new ValidatingAdmission(context.store, context.served);
    this.#api = new ResourceApi(context.store, context.features, admission);
  }

  /** Answers one request; never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const method = request.method ?? 'GET';
    const identity = this.#context.tokens.authenticate(request.headers.authorization);
    const served = identity?.everyVersion === true ? everyVersion : this.#context.served;
    const meaning = readPath(url.pathname, (group, version) => served(group).includes(version));
    const resource = meaning.kind === 'resource' ? meaning.request : undefined;
    const watching = ['true', '1'].includes(url.searchParams.get('watch') ?? '');
    const verb = resource === undefined ? method.toLowerCase() : verbOf(method, resource, watching);
    const record = recordOf(request, url, resource, verb ?? method.toLowerCase());
    record.user = identity?.user.username ?? '';
    this.#context.requests.push(record);
    response.once('finish', () => (record.status = response.statusCode));
    const fault = this.#context.faults.match({
      method,
      path: url.pathname,
      verb: record.verb,
      user: record.user,
    });
    try {
      if (fault !== undefined && (await interrupt(fault, request, response))) return;
      if (identity === undefined) throw unauthorized();
      const caller = this.#authorize(identity.user, method, url, record);
      const body = await readBody(request);
      record.body = body.value;
      if (resource === undefined) this.#other(url.pathname, method, served, response);
      else if (verb === undefined) throw methodNotAllowed();
      else if (verb === 'watch') this.#watch(resource, url.searchParams, response, record, fault);
      else {
        const answer = this.#answer(verb, resource, url.searchParams, body, {
          caller,
          userAgent: record.userAgent,
        });
        if (fault?.kind === 'resetAfter') request.socket.destroy();
        else send(response, answer);
      }
    } catch (error) {
      sendError(response, error);
    }
  }

  /** Throws 403 unless the user may do what the request asks for; otherwise answers further questions of that kind. */
  #authorize(user: UserInfo, method: string, url: URL, record: RequestRecord): Caller {
    const access = accessOfRequest(method, url);
    const caller: Caller = {
      user,
      verb: access.verb,
      refusal: (asked) => {
        const refused = this.#authorizer.refusal(user, asked);
        record.checks.push({ access: asked, allowed: refused === undefined });
        return refused;
      },
    };
    const refused = caller.refusal(access);
    if (refused !== undefined) throw refused;
    return caller;
  }

  #other(path: string, method: string, served: ServedVersions, response: ServerResponse): void {
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
      return;
    }
    const answer = discover(path, served, this.#context.address());
    if (answer === undefined) throw unknownPath();
    if (method !== 'GET') throw methodNotAllowed();
    send(response, { code: 200, body: answer });
  }

  #answer(
    verb: string,
    request: ResourceRequest,
    query: URLSearchParams,
    body: RequestBody,
    sender: Sender,
  ): Answer {
    const options = (): WriteOptions => writeOptions(query, sender, body.contentType);
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
        const { object, gone } = this.#api.delete(request, deleteOptions(body, query, sender));
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
          deleteOptions(body, query, sender),
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
        user: record.user,
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

/** Who sent a write, and with what. */
interface Sender {
  readonly caller: Caller;
  readonly userAgent: string;
}

function writeOptions(query: URLSearchParams, sender: Sender, contentType: string): WriteOptions {
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
  const fallback = applying ? '' : (sender.userAgent.split('/', 1)[0] ?? '').slice(0, 128);
  return {
    caller: sender.caller,
    fieldManager: query.get('fieldManager') ?? fallback,
    force: force === 'true' || force === '1',
    dryRun: query.get('dryRun') === 'All',
    strict: query.get('fieldValidation') === 'Strict',
  };
}

function deleteOptions(body: RequestBody, query: URLSearchParams, { caller }: Sender): DeleteOptions {
  const value = isJsonObject(body.value) ? body.value : {};
  const conditions = isJsonObject(value['preconditions']) ? value['preconditions'] : {};
  const { uid, resourceVersion } = conditions;
  const grace = value['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  return {
    caller,
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
