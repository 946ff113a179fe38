import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../objects/kube-object.ts';
import { FieldSet } from './field-set.ts';
import { assemble, elementsOf } from './merge-schema.ts';
import type { Place } from './merge-schema.ts';

/** The paths that a value sets: its leaves, and each list item as such. */
export function fieldsOf(value: JsonValue, place: Place): FieldSet {
  const set = new FieldSet();
  collect(set, value, place, []);
  return set;
}

function collect(set: FieldSet, value: JsonValue, place: Place, path: readonly string[]): void {
  const elements = elementsOf(value, place);
  if (elements === undefined || elements.size === 0) {
    set.add(path);
    return;
  }
  for (const [element, inner] of elements) {
    const below = [...path, element];
    if (!element.startsWith('f:')) set.add(below);
    if (!element.startsWith('v:')) collect(set, inner.value, inner.place, below);
  }
}

/** Lays an applied value over the live one: members and items of both, the applied one's where both have it. */
export function merge(live: JsonValue | undefined, applied: JsonValue, place: Place): JsonValue {
  const ours = elementsOf(applied, place);
  const theirs = elementsOf(live, place);
  if (ours === undefined || theirs === undefined || Array.isArray(live) !== Array.isArray(applied)) {
    return applied;
  }
  const merged = new Map([...theirs].map(([element, { value }]) => [element, value]));
  for (const [element, { value, place: inner }] of ours) {
    merged.set(element, element.startsWith('v:') ? value : merge(theirs.get(element)?.value, value, inner));
  }
  return assemble(applied, merged);
}

/** What changed between two values, by path: leaves and list items. */
export interface Changes {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two values. */
export function compare(before: JsonValue, after: JsonValue, place: Place): Changes {
  const changes = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  compareAt(changes, before, after, place, []);
  return changes;
}

function compareAt(
  changes: Changes,
  before: JsonValue,
  after: JsonValue,
  place: Place,
  path: readonly string[],
): void {
  const old = elementsOf(before, place);
  const now = elementsOf(after, place);
  if (old === undefined || now === undefined || Array.isArray(before) !== Array.isArray(after)) {
    if (!isDeepStrictEqual(before, after)) changes.modified.add(path);
    return;
  }
  for (const [element, { value, place: inner }] of now) {
    const previous = old.get(element);
    const below = [...path, element];
    if (previous !== undefined) {
      compareAt(changes, previous.value, value, inner, below);
      continue;
    }
    if (!element.startsWith('f:')) changes.added.add(below);
    if (!element.startsWith('v:')) collect(changes.added, value, inner, below);
  }
  for (const [element, { value, place: inner }] of old) {
    if (now.has(element)) continue;
    const below = [...path, element];
    if (!element.startsWith('f:')) changes.removed.add(below);
    if (!element.startsWith('v:')) collect(changes.removed, value, inner, below);
  }
}

/**
 * Removes paths from a value. A list item that is removed goes with everything in it; what becomes empty goes
 * too. The result is undefined when nothing is left.
 */
export function remove(value: JsonValue, paths: FieldSet, place: Place): JsonValue | undefined {
  const elements = elementsOf(value, place);
  if (elements === undefined || paths.empty) return value;
  const kept = new Map<string, JsonValue>();
  for (const [element, { value: inner, place: innerPlace }] of elements) {
    const node = paths.at(element);
    if (node === undefined) {
      kept.set(element, inner);
      continue;
    }
    if (node.member) continue;
    const rest = remove(inner, node.below, innerPlace);
    if (rest !== undefined) kept.set(element, rest);
  }
  return kept.size === 0 ? undefined : assemble(value, kept);
}
