import type { ResourceDefinition } from '../resources/resource-table.ts';
import { RESOURCES } from '../resources/resource-table.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];

/** Which versions of a group are served, preferred first. */
export type ServedVersions = (group: string) => readonly string[];

/** All versions of a group that there are, whatever is switched off. */
export function everyVersion(group: string): readonly string[] {
  return [
    ...new Set(
      RESOURCES.filter((resource) => resource.group === group).flatMap(({ versions }) =>
        Object.keys(versions),
      ),
    ),
  ];
}

/** The answer to a discovery path; undefined when the path is none or names what is not served. */
export function discover(path: string, served: ServedVersions, address: string): object | undefined {
  const [, root, group, version, ...rest] = path.replace(/\/$/, '').split('/');
  if (rest.length > 0) return undefined;
  if (path === '/version')
    return { major: '1', minor: '34', gitVersion: 'v1.34.0+lab', platform: 'linux/amd64' };
  if (root === 'api' && version === undefined) {
    if (group === undefined) {
      return {
        kind: 'APIVersions',
        versions: ['v1'],
        serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
      };
    }
    return group === 'v1' ? resourceList('', 'v1') : undefined;
  }
  if (root !== 'apis') return undefined;
  const groups = [...new Set(RESOURCES.map((resource) => resource.group))].filter(
    (name) => name !== '' && served(name).length > 0,
  );
  if (group === undefined) {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((name) => groupEntry(name, served)) };
  }
  if (!groups.includes(group)) return undefined;
  if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group, served) };
  return served(group).includes(version) ? resourceList(group, version) : undefined;
}

function groupEntry(group: string, served: ServedVersions): object {
  const versions = served(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceList(group: string, version: string): object {
  const resources = RESOURCES.filter(
    (resource) => resource.group === group && resource.versions[version] !== undefined,
  );
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: resources.flatMap(entries),
  };
}

function entries(resource: ResourceDefinition): object[] {
  const { plural, namespaced, kind } = resource;
  const shortNames = resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {};
  return [
    { name: plural, singularName: resource.singular, namespaced, kind, verbs: VERBS, ...shortNames },
    ...Object.entries(resource.subresources).map(([name, of]) => ({
      name: `${plural}/${name}`,
      singularName: '',
      namespaced,
      kind: of,
      verbs: name === 'binding' ? ['create'] : STATUS_VERBS,
    })),
  ];
}
