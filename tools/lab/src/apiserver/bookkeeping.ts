import { asJson } from './objects/kube-object.ts';
import type { JsonObject, KubeObject } from './objects/kube-object.ts';
import type { Subresource } from './resources/resource-strategy.ts';

/** Restores what only the server sets, before a change is checked. */
export function keepBookkeeping(object: KubeObject, old: KubeObject, subresource: Subresource): void {
  const { metadata } = object;
  const kept = old.metadata;
  metadata.resourceVersion = kept.resourceVersion;
  metadata.managedFields = kept.managedFields;
  metadata.uid ??= kept.uid;
  metadata.creationTimestamp ??= kept.creationTimestamp;
  metadata.generation = kept.generation;
  metadata.deletionTimestamp = kept.deletionTimestamp;
  metadata.deletionGracePeriodSeconds = kept.deletionGracePeriodSeconds;
  if (metadata.namespace === undefined && kept.namespace !== undefined) metadata.namespace = kept.namespace;
  if (metadata.generateName === undefined && kept.generateName !== undefined) {
    metadata.generateName = kept.generateName;
  }
  if (subresource !== 'status') return;
  metadata.finalizers = kept.finalizers;
  metadata.ownerReferences = kept.ownerReferences;
  metadata.labels = kept.labels;
  metadata.annotations = kept.annotations;
}

/** The object as ownership of fields is compared: without the record of ownership itself. */
export function withoutBookkeeping(object: KubeObject): JsonObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return asJson({ ...object, metadata });
}
