import { timestamp } from '../objects/kube-object.ts';
import type { JsonObject } from '../objects/kube-object.ts';
import { StatusError } from '../status-error.ts';
import { describePath, FieldSet } from './field-set.ts';
import { managerId, ownable } from './managed-fields.ts';
import type { Manager, Ownership } from './managed-fields.ts';
import { compare, fieldsOf, merge, remove } from './merge.ts';

/** One server-side apply. */
export interface ApplyInput {
  readonly kind: string;
  readonly live: JsonObject;
  readonly applied: JsonObject;
  readonly owners: readonly Ownership[];
  readonly manager: Manager;
  /** Takes conflicting fields from their owners instead of failing. */
  readonly force: boolean;
  /** Members at the top of the object that this path cannot change. */
  readonly reset: readonly string[];
}

/** What becomes of the object and its owners. */
export interface ApplyOutput {
  readonly merged: JsonObject;
  readonly owners: Ownership[];
}

/**
 * Server-side apply (KEP-555): the applied fields become this manager's, those that it applied before and no
 * longer does are removed unless somebody else owns them, everything else stays. Throws 409 with one cause
 * per field when another manager owns a field with another value and `force` is not set.
 */
export function apply(input: ApplyInput): ApplyOutput {
  const place = { kind: input.kind, path: '' };
  const id = managerId(input.manager);
  const others = input.owners.filter(({ manager }) => managerId(manager) !== id);
  const previous = input.owners.find(({ manager }) => managerId(manager) === id);
  const applied = Object.fromEntries(
    Object.entries(input.applied).filter(([member]) => !input.reset.includes(member)),
  );
  const fields = ownable(fieldsOf(applied, place));
  let merged = merge(input.live, applied, place) as JsonObject;
  if (previous !== undefined) {
    const kept = others.reduce((set, owner) => set.union(owner.fields), fields);
    merged = (remove(merged, dropped(previous.fields, kept), place) ?? {}) as JsonObject;
  }
  const changes = compare(input.live, merged, place);
  const changed = changes.added.union(changes.modified);
  const conflicts = others
    .map((owner) => ({ owner, fields: owner.fields.intersection(changed) }))
    .filter((conflict) => !conflict.fields.empty);
  if (conflicts.length > 0 && !input.force) throw conflictError(conflicts);
  const owners = others.map((owner) => {
    const lost = conflicts.find((conflict) => conflict.owner === owner)?.fields ?? new FieldSet();
    return { ...owner, fields: owner.fields.difference(lost).difference(changes.removed) };
  });
  const same = previous !== undefined && sameFields(previous.fields, fields);
  owners.push({ manager: input.manager, fields, time: same ? previous.time : timestamp() });
  return { merged, owners };
}

/**
 * What to remove of the fields that a manager owned, given all that is still owned. A list item stays as long as
 * anything in it is owned, and then so do the fields that are its key.
 */
function dropped(owned: FieldSet, kept: FieldSet): FieldSet {
  const result = new FieldSet();
  for (const [element, { member, below }] of owned.entries()) {
    const other = kept.at(element);
    const needed = other !== undefined && (other.member || !other.below.empty);
    if (!needed && (member || element.startsWith('f:'))) {
      if (member) result.add([element]);
      else for (const path of below.paths()) result.add([element, ...path]);
      continue;
    }
    const keys = element.startsWith('k:')
      ? Object.keys(JSON.parse(element.slice(2)) as object).map((key) => `f:${key}`)
      : [];
    for (const path of dropped(below, other?.below ?? new FieldSet()).paths()) {
      if (!(path.length === 1 && keys.includes(path[0] ?? ''))) result.add([element, ...path]);
    }
  }
  return result;
}

function sameFields(a: FieldSet, b: FieldSet): boolean {
  return a.difference(b).empty && b.difference(a).empty;
}

function conflictError(conflicts: readonly { owner: Ownership; fields: FieldSet }[]): StatusError {
  const causes = conflicts.flatMap(({ owner, fields }) =>
    [...fields.paths()].map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${describe(owner)}`,
      field: describePath(path),
    })),
  );
  const [first] = causes;
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${first?.message ?? ''}: ${first?.field ?? ''}`
      : `Apply failed with ${String(causes.length)} conflicts: ${conflicts
          .flatMap(({ owner, fields }) => [
            `conflicts with ${describe(owner)}:`,
            ...[...fields.paths()].map((path) => `- ${describePath(path)}`),
          ])
          .join('\n')}`;
  return new StatusError(409, 'Conflict', message, { causes });
}

function describe({ manager, time }: Ownership): string {
  const text = `${JSON.stringify(manager.name)}${manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`}`;
  return manager.operation === 'Apply' ? text : `${text} using ${manager.apiVersion} at ${time}`;
}

/**
 * The owners after a write that is not an apply: what it changed belongs to the writer alone, what it removed
 * to nobody.
 */
export function recordUpdate(
  kind: string,
  before: JsonObject,
  after: JsonObject,
  owners: readonly Ownership[],
  manager: Manager,
): Ownership[] {
  const changes = compare(before, after, { kind, path: '' });
  const changed = ownable(changes.added.union(changes.modified));
  const id = managerId(manager);
  const own = owners.find((owner) => managerId(owner.manager) === id);
  const rest = owners
    .filter((owner) => owner !== own)
    .map((owner) => ({
      ...owner,
      fields: owner.fields.difference(changed).difference(changes.removed),
    }));
  const previous = own?.fields ?? new FieldSet();
  const fields = previous.union(changed).difference(changes.removed);
  const time = own !== undefined && sameFields(previous, fields) ? own.time : timestamp();
  return [...rest, { manager, fields, time }];
}
