import { describe, expect, it } from 'vitest';
import { ADMIN_USER } from '../authentication/user-info.ts';
import { accessForbidden, accessOfRequest } from './access.ts';
import type { Access } from './access.ts';

const access = (method: string, path: string): Access =>
  accessOfRequest(method, new URL(path, 'https://localhost'));
/** Verb, group, resource, subresource, namespace and name, as one line. */
function line(method: string, path: string): string {
  const found = access(method, path);
  if (found.kind === 'path') return `${found.verb} ${found.path}`;
  const { verb, group, resource, subresource, namespace, name } = found;
  return [verb, group, resource, subresource, namespace, name].join(' | ');
}

describe('what a request is to the authorizer', () => {
  it.each([
    ['GET', '/api/v1/nodes', 'list |  | nodes |  |  | '],
    ['GET', '/api/v1/nodes?watch=true', 'watch |  | nodes |  |  | '],
    ['GET', '/api/v1/nodes/n1', 'get |  | nodes |  |  | n1'],
    ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dn1', 'list |  | nodes |  |  | n1'],
    [
      'GET',
      '/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.driver%3Da,spec.nodeName%3Db',
      'list | resource.k8s.io | resourceslices |  |  | ',
    ],
    [
      'PATCH',
      '/apis/resource.k8s.io/v1/namespaces/blue/resourceclaims/c/status',
      'patch | resource.k8s.io | resourceclaims | status | blue | c',
    ],
    ['POST', '/apis/events.k8s.io/v1/namespaces/blue/events', 'create | events.k8s.io | events |  | blue | '],
    [
      'DELETE',
      '/apis/resource.k8s.io/v1/resourceslices',
      'deletecollection | resource.k8s.io | resourceslices |  |  | ',
    ],
    ['GET', '/api/v1/namespaces/blue', 'get |  | namespaces |  | blue | blue'],
    ['PUT', '/api/v1/namespaces/blue/status', 'update |  | namespaces | status | blue | blue'],
    ['GET', '/apis/no.such.group/v7/things', 'list | no.such.group | things |  |  | '],
  ])('%s %s', (method, path, expected) => {
    expect(line(method, path)).toBe(expected);
  });

  it.each(['/api', '/api/v1', '/apis', '/apis/resource.k8s.io', '/apis/resource.k8s.io/v1', '/readyz'])(
    'GET %s is no resource',
    (path) => {
      expect(line('GET', path)).toBe(`get ${path}`);
    },
  );
});

describe('a refusal', () => {
  const words = (method: string, path: string) =>
    accessForbidden(ADMIN_USER, access(method, path)).status.message;

  it('has the words of the real server', () => {
    expect(words('GET', '/apis/resource.k8s.io/v1/resourceslices')).toBe(
      'resourceslices.resource.k8s.io is forbidden: User "lab-admin" cannot list resource "resourceslices" in API group "resource.k8s.io" at the cluster scope',
    );
    expect(words('PATCH', '/apis/resource.k8s.io/v1/namespaces/blue/resourceclaims/c/status')).toBe(
      'resourceclaims.resource.k8s.io "c" is forbidden: User "lab-admin" cannot patch resource "resourceclaims/status" in API group "resource.k8s.io" in the namespace "blue"',
    );
    expect(words('GET', '/metrics')).toBe('forbidden: User "lab-admin" cannot get path "/metrics"');
  });
});
