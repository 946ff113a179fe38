import type { PolicyRule } from '../resources/rbac-schema.ts';
import { resourceWithSubresource } from './access.ts';
import type { Access, PathAccess, ResourceAccess } from './access.ts';

/** Whether an RBAC rule allows an access. */
export function ruleAllows(rule: PolicyRule, access: Access): boolean {
  if (!covers(rule.verbs, access.verb)) return false;
  return access.kind === 'path' ? pathAllowed(rule, access) : resourceAllowed(rule, access);
}

function covers(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

function pathAllowed({ nonResourceURLs = [] }: PolicyRule, { path }: PathAccess): boolean {
  return nonResourceURLs.some((url) =>
    url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : path === url,
  );
}

function resourceAllowed(rule: PolicyRule, access: ResourceAccess): boolean {
  const { apiGroups = [], resources = [], resourceNames = [] } = rule;
  const { group, subresource, name } = access;
  if (!covers(apiGroups, group)) return false;
  const everyParent = subresource !== '' && resources.includes(`*/${subresource}`);
  if (!covers(resources, resourceWithSubresource(access)) && !everyParent) return false;
  // A rule with names never allows what names no object: lists of everything, and creating.
  return resourceNames.length === 0 || resourceNames.includes(name);
}
