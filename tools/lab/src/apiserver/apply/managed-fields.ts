import { timestamp } from '../objects/kube-object.ts';
import type { KubeObject, ManagedFieldsEntry } from '../objects/kube-object.ts';
import { FieldSet } from './field-set.ts';

/** Who writes: the same name is another manager when it applies than when it updates. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** A manager with the fields that it owns. */
export interface Ownership {
  readonly manager: Manager;
  readonly fields: FieldSet;
  /** RFC 3339; when the fields last changed. */
  readonly time: string;
}

/** What identifies a manager; for appliers the version does not count. */
export function managerId({ name, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify([name, operation, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** Paths that nobody owns: identity and bookkeeping of the object. */
const UNOWNED = [
  ['f:apiVersion'],
  ['f:kind'],
  ...[
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'managedFields',
    'selfLink',
  ].map((member) => ['f:metadata', `f:${member}`]),
];

/** The set without the paths that nobody owns. */
export function ownable(fields: FieldSet): FieldSet {
  return UNOWNED.reduce((set, path) => set.without(path), fields).difference(FieldSet.of([['f:metadata']]));
}

/** The owners recorded in an object. */
export function readOwnerships(object: KubeObject): Ownership[] {
  return (object.metadata.managedFields ?? []).map((entry) => ({
    manager: {
      name: entry.manager,
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
    },
    fields: FieldSet.decode(entry.fieldsV1),
    time: entry.time ?? timestamp(),
  }));
}

/** Records owners in the form that objects carry; those that own nothing are left out. */
export function writeOwnerships(ownerships: readonly Ownership[]): ManagedFieldsEntry[] {
  return (
    ownerships
      .filter(({ fields }) => !fields.empty)
      // A fixed order, so that repeating a write changes nothing.
      .sort((a, b) => (managerId(a.manager) < managerId(b.manager) ? -1 : 1))
      .map(({ manager, fields, time }) => ({
        manager: manager.name,
        operation: manager.operation,
        apiVersion: manager.apiVersion,
        time,
        fieldsType: 'FieldsV1',
        fieldsV1: fields.encode(),
        ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
      }))
  );
}
