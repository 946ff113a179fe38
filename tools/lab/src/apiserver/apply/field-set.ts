import { isJsonObject } from '../objects/kube-object.ts';
import type { JsonObject } from '../objects/kube-object.ts';

interface Node {
  /** Whether the path that ends here is in the set itself, not only paths below it. */
  member: boolean;
  readonly below: FieldSet;
}

/**
 * A set of paths into an object, as server-side apply records ownership (the FieldsV1 encoding of
 * structured-merge-diff): elements are `f:<field>`, `k:<keys as JSON>` and `v:<value as JSON>`.
 */
export class FieldSet {
  readonly #nodes = new Map<string, Node>();

  /** Whether the set has no path. */
  get empty(): boolean {
    return [...this.#nodes.values()].every(({ member, below }) => !member && below.empty);
  }

  /** The elements at the top, with what is below each. */
  *entries(): Generator<[string, { readonly member: boolean; readonly below: FieldSet }]> {
    yield* this.#nodes;
  }

  /** Adds a path. */
  add(path: readonly string[]): void {
    const [first, ...rest] = path;
    if (first === undefined) return;
    const node = this.#node(first);
    if (rest.length === 0) node.member = true;
    else node.below.add(rest);
  }

  /** What is at one element; undefined when nothing is. */
  at(element: string): { readonly member: boolean; readonly below: FieldSet } | undefined {
    return this.#nodes.get(element);
  }

  /** Whether a path is in the set. */
  has(path: readonly string[]): boolean {
    const [first, ...rest] = path;
    const node = first === undefined ? undefined : this.#nodes.get(first);
    if (node === undefined) return false;
    return rest.length === 0 ? node.member : node.below.has(rest);
  }

  /** All paths, in the order of insertion. */
  *paths(): Generator<string[]> {
    for (const [element, { member, below }] of this.#nodes) {
      if (member) yield [element];
      for (const path of below.paths()) yield [element, ...path];
    }
  }

  /** The paths that are in this set, in the other, or in both. */
  union(other: FieldSet): FieldSet {
    return FieldSet.of([...this.paths(), ...other.paths()]);
  }

  /** The paths that are in both sets. */
  intersection(other: FieldSet): FieldSet {
    return FieldSet.of([...this.paths()].filter((path) => other.has(path)));
  }

  /** The paths that are in this set but not in the other. */
  difference(other: FieldSet): FieldSet {
    return FieldSet.of([...this.paths()].filter((path) => !other.has(path)));
  }

  /** The set without a path and all paths below it. */
  without(prefix: readonly string[]): FieldSet {
    return FieldSet.of(
      [...this.paths()].filter((path) => !prefix.every((element, index) => path[index] === element)),
    );
  }

  /** A set of the given paths. */
  static of(paths: Iterable<readonly string[]>): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.add(path);
    return set;
  }

  /** Reads FieldsV1. */
  static decode(fields: JsonObject): FieldSet {
    const set = new FieldSet();
    for (const [element, value] of Object.entries(fields)) {
      if (element === '.' || !isJsonObject(value)) continue;
      const node = set.#node(element);
      const keys = Object.keys(value);
      node.member = keys.length === 0 || keys.includes('.');
      for (const path of FieldSet.decode(value).paths()) node.below.add(path);
    }
    return set;
  }

  /** Writes FieldsV1: `{}` for a path that is in the set, a `.` member when there are paths below it too. */
  encode(): JsonObject {
    const fields: JsonObject = {};
    for (const [element, { member, below }] of [...this.#nodes].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const inner = below.encode();
      const hasInner = Object.keys(inner).length > 0;
      if (!member && !hasInner) continue;
      fields[element] = member && hasInner ? { '.': {}, ...inner } : inner;
    }
    return fields;
  }

  #node(element: string): Node {
    let node = this.#nodes.get(element);
    if (node === undefined) {
      node = { member: false, below: new FieldSet() };
      this.#nodes.set(element, node);
    }
    return node;
  }
}

/** A path in the words of the real server's conflict messages: `.status.devices[device="a",driver="d"].data`. */
export function describePath(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const keys = JSON.parse(rest) as Record<string, unknown>;
      const parts = Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      return `[${parts.join(',')}]`;
    })
    .join('');
}
