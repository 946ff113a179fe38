import type { ServedVersions } from '../http/discovery.ts';
import type { MatchConstraints, ResourceRule } from '../resources/admission-policy-schema.ts';
import type { AdmissionAttributes } from './admission-request.ts';

/**
 * The version in which a policy wants to see the objects of a write: the request's, or another one that is served and that the rules
 * name, when the policy takes equivalent versions (KEP-3488). Undefined when the policy is not about this write.
 */
export function matchedVersion(
  constraints: MatchConstraints,
  attributes: AdmissionAttributes,
  served: ServedVersions,
): string | undefined {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = constraints;
  const { definition, version } = attributes.request;
  const versions =
    matchPolicy === 'Exact'
      ? [version]
      : [version, ...served(definition.group).filter((other) => other !== version)];
  const matching = (rules: readonly ResourceRule[]) =>
    versions.find((candidate) => rules.some((rule) => ruleMatches(rule, attributes, candidate)));
  return matching(excludeResourceRules) === undefined ? matching(resourceRules) : undefined;
}

function ruleMatches(rule: ResourceRule, attributes: AdmissionAttributes, version: string): boolean {
  const { request, operation, name } = attributes;
  const { definition, subresource } = request;
  const { resourceNames = [] } = rule;
  return (
    covers(rule.operations, operation) &&
    covers(rule.apiGroups, definition.group) &&
    covers(rule.apiVersions, version) &&
    (resourceNames.length === 0 || resourceNames.includes(name)) &&
    rule.resources.some((resource) => resourceMatches(resource, definition.plural, subresource))
  );
}

function covers(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

/** `pods` and `*` mean no subresources, `pods/*` and `*` + `/*` mean all of them as well. */
function resourceMatches(rule: string, plural: string, subresource: string): boolean {
  const [resource = '', sub = ''] = rule.split('/');
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}
