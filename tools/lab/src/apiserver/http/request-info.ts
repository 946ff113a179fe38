import type { VersionedResource } from '../resources/object-codec.ts';
import { RESOURCES } from '../resources/resource-table.ts';

/** A request path that names a resource. */
export interface ResourceRequest extends VersionedResource {
  /** Empty for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  /** Empty for the collection. */
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** What a path means: resource paths, or a group, version and resource that are not served. */
export type PathMeaning = { kind: 'resource'; request: ResourceRequest } | { kind: 'other' };

/** `/api/v1/…` and `/apis/<group>/<version>/…`, with an optional namespace. */
const RESOURCE_PATH =
  /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))(?:\/namespaces\/(?<namespace>[^/]+)(?=\/[^/]))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<subresource>[^/]+))?\/?$/;

/** Reads a path; versions that are switched off count as not served. */
export function readPath(path: string, served: (group: string, version: string) => boolean): PathMeaning {
  const parts = RESOURCE_PATH.exec(path)?.groups;
  if (parts === undefined) return { kind: 'other' };
  let { namespace = '', plural = '', name = '', subresource = '' } = parts;
  // `/namespaces/<name>/status` is the namespace's own status, not a resource called "status" in it.
  if (namespace !== '' && (plural === 'status' || plural === 'finalize') && name === '') {
    [plural, name, subresource, namespace] = ['namespaces', namespace, plural, ''];
  }
  const group = parts['core'] === undefined ? (parts['group'] ?? '') : '';
  const version = parts['core'] ?? parts['version'] ?? '';
  const definition = RESOURCES.find((candidate) => candidate.group === group && candidate.plural === plural);
  if (definition?.versions[version] === undefined || !served(group, version)) return { kind: 'other' };
  if (namespace !== '' && !definition.namespaced) return { kind: 'other' };
  if (definition.namespaced && namespace === '' && name !== '') return { kind: 'other' };
  if (subresource !== '' && definition.subresources[subresource] === undefined) return { kind: 'other' };
  return {
    kind: 'resource',
    request: {
      definition,
      version,
      namespace: decodeURIComponent(namespace),
      name: decodeURIComponent(name),
      subresource,
    },
  };
}

/** The verb as RBAC names it; undefined for a method that the path does not take. */
export function verbOf(method: string, request: ResourceRequest, watch: boolean): string | undefined {
  const collection = request.name === '';
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (request.subresource === 'binding') return undefined;
      return collection ? (watch ? 'watch' : 'list') : 'get';
    case 'POST':
      return collection || request.subresource === 'binding' ? 'create' : undefined;
    case 'PUT':
      return collection || request.subresource === 'binding' ? undefined : 'update';
    case 'PATCH':
      return collection || request.subresource === 'binding' ? undefined : 'patch';
    case 'DELETE':
      if (request.subresource !== '') return undefined;
      return collection ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}
