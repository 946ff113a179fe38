import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import { RESOURCES } from '../apiserver/resources/resource-table.ts';

/** `/apis/<group>/<version>[/namespaces/<namespace>]/<resource>` of an object, in the namespace `default` when it names none. */
export function collectionPath({ apiVersion, kind, metadata }: KubeObject): string {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const definition = RESOURCES.find((resource) => resource.group === group && resource.kind === kind);
  if (definition === undefined) throw new Error(`the lab's API server has no ${kind} in ${apiVersion}`);
  const root = group === '' ? `/api/${version ?? ''}` : `/apis/${apiVersion}`;
  const namespace = definition.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
  return `${root}${namespace}/${definition.plural}`;
}

/** Path of the object itself. */
export function objectPath(object: KubeObject): string {
  return `${collectionPath(object)}/${object.metadata.name ?? ''}`;
}
