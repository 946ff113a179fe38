import type { Manager } from './apply/managed-fields.ts';
import type { ResourceRequest } from './http/request-info.ts';
import { apiVersion } from './resources/object-codec.ts';
import type { QualifiedName } from './status-error.ts';
import type { ObjectKey } from './store/object-store.ts';

/** Where the object of a request is kept. */
export function keyOf(request: ResourceRequest): ObjectKey {
  const { definition, namespace, name } = request;
  return { resource: definition.storage, namespace: definition.namespaced ? namespace : '', name };
}

/** The resource as error messages about objects name it. */
export function resourceName({ definition }: ResourceRequest): QualifiedName {
  return { group: definition.group, name: definition.plural };
}

/** The kind as error messages about fields name it. */
export function kindName({ definition }: ResourceRequest): QualifiedName {
  return { group: definition.group, name: definition.kind };
}

/** The kind alone. */
export function kindOf({ definition }: ResourceRequest): string {
  return definition.kind;
}

/** The field manager of a write. */
export function managerOf(request: ResourceRequest, name: string, operation: 'Apply' | 'Update'): Manager {
  return {
    name,
    operation,
    apiVersion: apiVersion(request),
    subresource: request.subresource,
  };
}
