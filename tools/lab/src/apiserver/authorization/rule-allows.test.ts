import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../resources/rbac-schema.ts';
import type { ResourceAccess } from './access.ts';
import { ruleAllows } from './rule-allows.ts';

const base: ResourceAccess = {
  kind: 'resource',
  verb: 'get',
  group: 'resource.k8s.io',
  resource: 'resourceclaims',
  subresource: '',
  namespace: 'blue',
  name: 'c',
};
const rule: PolicyRule = { verbs: ['get'], apiGroups: ['resource.k8s.io'], resources: ['resourceclaims'] };
const allows = (changes: Partial<PolicyRule>, access: Partial<ResourceAccess> = {}) =>
  ruleAllows({ ...rule, ...changes }, { ...base, ...access });

describe('a rule for resources', () => {
  it('allows what all of verb, group and resource are named for, or starred', () => {
    expect(allows({})).toBe(true);
    expect(allows({}, { verb: 'list' })).toBe(false);
    expect(allows({}, { group: '' })).toBe(false);
    expect(allows({}, { resource: 'resourceslices' })).toBe(false);
    expect(
      allows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verb: 'x', group: 'y', resource: 'z' }),
    ).toBe(true);
  });

  it('keeps subresources apart from their resource', () => {
    const status = { subresource: 'status' };
    expect(allows({}, status)).toBe(false);
    expect(allows({ resources: ['resourceclaims/status'] })).toBe(false);
    expect(allows({ resources: ['resourceclaims/status'] }, status)).toBe(true);
    expect(allows({ resources: ['*/status'] }, status)).toBe(true);
    expect(allows({ resources: ['*/status'] })).toBe(false);
    expect(allows({ resources: ['*'] }, status)).toBe(true);
    // Only the parent can be starred.
    expect(allows({ resources: ['resourceclaims/*'] }, status)).toBe(false);
  });

  it('with names allows only requests that name one of them', () => {
    expect(allows({ resourceNames: ['c'] })).toBe(true);
    expect(allows({ resourceNames: ['d'] })).toBe(false);
    expect(allows({ verbs: ['create'], resourceNames: ['c'] }, { verb: 'create', name: '' })).toBe(false);
  });

  it('allows no paths', () => {
    expect(ruleAllows({ ...rule, verbs: ['*'] }, { kind: 'path', verb: 'get', path: '/metrics' })).toBe(
      false,
    );
  });
});

it('a rule for paths allows them and what begins like them before a star, and no resources', () => {
  const paths: PolicyRule = { verbs: ['get'], nonResourceURLs: ['/api', '/apis/*'] };
  const allowed = (path: string) => ruleAllows(paths, { kind: 'path', verb: 'get', path });
  expect(['/api', '/apis/x', '/apis/x/v1', '/api/v1', '/apis'].map(allowed)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(ruleAllows(paths, base)).toBe(false);
});
