import type { IncomingMessage } from 'node:http';
import type { AccessCheck } from '../authorization/caller.ts';
import type { ResourceRequest } from './request-info.ts';

/** One request that the server has seen, for tests that ask what a client did. */
export interface RequestRecord {
  method: string;
  /** Path without the query. */
  path: string;
  query: Readonly<Record<string, string>>;
  userAgent: string;
  /** Who asked: the user name; empty when the credentials were not accepted. */
  user: string;
  /** As RBAC names it; for paths that are no resources, the lower-case method. */
  verb: string;
  group: string;
  version: string;
  /** As RBAC names it, subresource included: `resourceclaims/status`; empty for paths that are no resources. */
  resource: string;
  namespace: string;
  name: string;
  contentType: string;
  /** What the authorizer was asked about this request, in order, and what it said. */
  checks: AccessCheck[];
  /** The parsed body, if the request had one. */
  body?: unknown;
  /** HTTP status of the answer; 0 while there is none, or when a fault cut it off. */
  status: number;
  /** When it arrived: milliseconds since the epoch. */
  at: number;
}

/** The record of a request that has just arrived. */
export function recordOf(
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
    user: '',
    verb,
    group: resource?.definition.group ?? '',
    version: resource?.version ?? '',
    resource: resource === undefined ? '' : `${resource.definition.plural}${suffix}`,
    namespace: resource?.namespace ?? '',
    name: resource?.name ?? '',
    contentType: request.headers['content-type'] ?? '',
    checks: [],
    status: 0,
    at: Date.now(),
  };
}
