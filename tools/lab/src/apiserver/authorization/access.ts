import type { UserInfo } from '../authentication/user-info.ts';
import { forbidden, StatusError } from '../status-error.ts';

/** What a request wants to do with a resource, in the words of RBAC. */
export interface ResourceAccess {
  readonly kind: 'resource';
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  /** Empty when the request names no object. */
  readonly name: string;
}

/** What a request wants with a path that is no resource's, such as discovery. */
export interface PathAccess {
  readonly kind: 'path';
  /** The method in lower case. */
  readonly verb: string;
  readonly path: string;
}

/** What the authorizer is asked about. */
export type Access = ResourceAccess | PathAccess;

/** A resource with its subresource, as rules name it. */
export function resourceWithSubresource({ resource, subresource }: ResourceAccess): string {
  return subresource === '' ? resource : `${resource}/${subresource}`;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const SUBRESOURCES_OF_NAMESPACES = ['status', 'finalize'];

/**
 * What a request is, as the real server decides before it looks whether the resource exists at all: from the path alone, and from a
 * field selector that names one object.
 */
export function accessOfRequest(method: string, url: URL): Access {
  const parts = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const core = parts[0] === 'api';
  const rest = parts.slice(core ? 2 : 3);
  if ((!core && parts[0] !== 'apis') || rest.length === 0) {
    return { kind: 'path', verb: method.toLowerCase(), path: url.pathname };
  }
  const inNamespace = rest[0] === 'namespaces' && rest[1] !== undefined;
  const nested = inNamespace && rest[2] !== undefined && !SUBRESOURCES_OF_NAMESPACES.includes(rest[2]);
  const [resource = '', named = '', subresource = ''] = nested ? rest.slice(2) : rest;
  const watching = ['true', '1'].includes(url.searchParams.get('watch') ?? '');
  const name = named === '' ? selectedName(url.searchParams.get('fieldSelector') ?? '') : named;
  return {
    kind: 'resource',
    verb: collectionVerb(VERBS[method] ?? method.toLowerCase(), named === '', watching),
    group: core ? '' : (parts[1] ?? ''),
    resource,
    subresource,
    namespace: inNamespace ? (rest[1] ?? '') : '',
    name,
  };
}

function collectionVerb(verb: string, collection: boolean, watching: boolean): string {
  if (!collection) return verb;
  if (verb === 'get') return watching ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

function selectedName(fieldSelector: string): string {
  return /(?:^|,)metadata\.name==?(?<name>[^,=!]+)(?:,|$)/.exec(fieldSelector)?.groups?.['name'] ?? '';
}

/** 403 in the words of the real server; `reason` is what kept the authorizer from finding out more. */
export function accessForbidden(user: UserInfo, access: Access, reason = ''): StatusError {
  const why = reason === '' ? '' : `: ${reason}`;
  const who = `User ${JSON.stringify(user.username)} cannot ${access.verb}`;
  if (access.kind === 'path') {
    const text = `forbidden: ${who} path ${JSON.stringify(access.path)}${why}`;
    return new StatusError(403, 'Forbidden', text, {});
  }
  const { group, resource, namespace, name } = access;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const what = `resource ${JSON.stringify(resourceWithSubresource(access))} in API group ${JSON.stringify(group)}`;
  return forbidden({ group, name: resource }, name, `${who} ${what} ${where}${why}`);
}
