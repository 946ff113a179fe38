import { semanticallyEqual } from '../objects/canonical-json.ts';
import type { ObjectMeta } from '../objects/kube-object.ts';
import { at } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { checkLabelName, checkLabelValue, checkSubdomain } from './names.ts';

/** What the real server says of a field that may not change. */
const IMMUTABLE = 'field is immutable';

/** All annotations of an object together, keys and values. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Checks metadata on create and on update: names, labels, annotations, owners, finalizers. */
export function checkObjectMeta(errors: FieldErrors, metadata: ObjectMeta, checkName = checkSubdomain): void {
  const generateName = metadata.generateName ?? '';
  if (generateName !== '') {
    // A prefix may end in what a name may not: the server adds more characters.
    checkName(errors, 'metadata.generateName', generateName.replace(/[-.]$/, 'a'));
  }
  const name = metadata.name ?? '';
  if (name === '') errors.required('metadata.name', 'name or generateName is required');
  else checkName(errors, 'metadata.name', name);
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    checkLabelName(errors, 'metadata.labels', key);
    checkLabelValue(errors, 'metadata.labels', value);
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    checkLabelName(errors, 'metadata.annotations', key.toLowerCase());
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > MAX_ANNOTATION_BYTES) errors.tooLong('metadata.annotations', MAX_ANNOTATION_BYTES);
  checkOwners(errors, metadata);
  metadata.finalizers?.forEach((finalizer, index) =>
    checkLabelName(errors, at('metadata.finalizers', index), finalizer),
  );
}

function checkOwners(errors: FieldErrors, metadata: ObjectMeta): void {
  let controller: string | undefined;
  metadata.ownerReferences?.forEach((owner, index) => {
    const path = at('metadata.ownerReferences', index);
    if (owner.apiVersion === '') errors.invalid(`${path}.apiVersion`, '', 'version must not be empty');
    if (owner.kind === '') errors.invalid(`${path}.kind`, '', 'must not be empty');
    if (owner.name === '') errors.invalid(`${path}.name`, '', 'must not be empty');
    if (owner.uid === '') errors.invalid(`${path}.uid`, '', 'must not be empty');
    if (owner.controller !== true) return;
    if (controller !== undefined) {
      errors.invalid(
        'metadata.ownerReferences',
        metadata.ownerReferences,
        `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${owner.kind}/${owner.name}`,
      );
    }
    controller = `${owner.kind}/${owner.name}`;
  });
}

/** Checks what may not change between two states of an object's metadata. */
export function checkObjectMetaUpdate(errors: FieldErrors, metadata: ObjectMeta, old: ObjectMeta): void {
  for (const member of ['name', 'namespace', 'uid', 'creationTimestamp'] as const) {
    if (metadata[member] !== old[member]) {
      errors.invalid(`metadata.${member}`, metadata[member] ?? '', IMMUTABLE);
    }
  }
  if (old.deletionTimestamp === undefined) return;
  const added = (metadata.finalizers ?? []).filter((item) => !(old.finalizers ?? []).includes(item));
  if (added.length > 0) {
    errors.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
    );
  }
}

/** Reports a field that differs from what it was. */
export function checkImmutable(errors: FieldErrors, field: string, value: unknown, old: unknown): void {
  if (!semanticallyEqual(value, old)) errors.invalid(field, value, IMMUTABLE);
}
