import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { NodeSelector } from '../apiserver/resources/object-schema.ts';

type Term = NodeSelector['nodeSelectorTerms'][number];
type Requirement = NonNullable<Term['matchExpressions']>[number];

/** Whether a node is selected: by one of the terms, all of whose requirements hold (core/v1 NodeSelector). */
export function selectsNode(selector: NodeSelector, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  return selector.nodeSelectorTerms.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchExpressions.length + matchFields.length > 0 &&
      matchExpressions.every((requirement) => holds(requirement, labels[requirement.key])) &&
      matchFields.every((requirement) => holds(requirement, node.metadata.name)),
  );
}

function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** The selector of exactly one node, by its name. */
export function onlyNode(name: string): NodeSelector {
  return {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
  };
}

/** A selector for the nodes that all the given ones select; undefined for no restriction. Each has one term. */
export function allOf(selectors: readonly NodeSelector[]): NodeSelector | undefined {
  const terms = selectors.flatMap(({ nodeSelectorTerms }) => nodeSelectorTerms.slice(0, 1));
  const term: Term = {};
  for (const member of ['matchExpressions', 'matchFields'] as const) {
    const requirements = new Map(
      terms
        .flatMap((one) => one[member] ?? [])
        .map((requirement) => [JSON.stringify(requirement), requirement]),
    );
    if (requirements.size > 0) term[member] = [...requirements.values()];
  }
  return Object.keys(term).length === 0 ? undefined : { nodeSelectorTerms: [term] };
}
