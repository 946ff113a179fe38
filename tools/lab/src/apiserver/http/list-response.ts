import type { KubeObject } from '../objects/kube-object.ts';
import type { ResourceApi } from '../resource-api.ts';
import { apiVersion, encodeObject } from '../resources/object-codec.ts';
import { badRequest, expired, StatusError, tooLargeResourceVersion } from '../status-error.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ResourceRequest } from './request-info.ts';
import type { Predicate } from './selectors.ts';

/** Reads a revision from a query; 400 for what is no number. */
export function readRevision(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

const CONTINUE_EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/**
 * Answers a list: at the present revision, or exactly at an older one; in pages when a limit is given. Pages after
 * the first show the revision of the first, until that is compacted (410).
 */
export function listResponse(
  api: ResourceApi,
  store: ObjectStore,
  request: ResourceRequest,
  selects: Predicate,
  query: URLSearchParams,
): object {
  const token = query.get('continue') ?? '';
  const wanted = query.get('resourceVersion') ?? '';
  const limit = Number(query.get('limit') ?? '0');
  const start = token === '' ? undefined : readToken(token);
  let revision = start?.revision ?? store.revision;
  if (start === undefined && wanted !== '') {
    const asked = readRevision(wanted);
    if (asked > store.revision) throw tooLargeResourceVersion(asked, store.revision);
    if (query.get('resourceVersionMatch') === 'Exact') revision = asked;
  }
  const all = objects(api, request, revision, start !== undefined).filter(selects);
  const rest = start === undefined ? all : all.filter((object) => positionOf(object) > start.after);
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const last = page.at(-1);
  const more = rest.length - page.length;
  return {
    kind: `${request.definition.kind}List`,
    apiVersion: apiVersion(request),
    metadata: {
      resourceVersion: String(revision),
      ...(more > 0 && last !== undefined
        ? { continue: writeToken({ revision, after: positionOf(last) }), remainingItemCount: more }
        : {}),
    },
    // As the real server: items of a list do not repeat their kind and version.
    items: page.map((object) => {
      const { kind: _kind, apiVersion: _apiVersion, ...item } = encodeObject(request, object);
      return item;
    }),
  };
}

function objects(
  api: ResourceApi,
  request: ResourceRequest,
  revision: number,
  continued: boolean,
): KubeObject[] {
  try {
    return api.list(request, revision);
  } catch (error) {
    if (continued && error instanceof StatusError && error.status.code === 410)
      throw expired(CONTINUE_EXPIRED);
    throw error;
  }
}

interface Position {
  revision: number;
  after: string;
}

function positionOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function writeToken(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function readToken(token: string): Position {
  try {
    const { revision, after } = JSON.parse(
      Buffer.from(token, 'base64url').toString('utf8'),
    ) as Partial<Position>;
    if (typeof revision === 'number' && typeof after === 'string') return { revision, after };
  } catch {
    // Told apart from a readable token below.
  }
  throw badRequest('continue key is not valid: unable to decode');
}
