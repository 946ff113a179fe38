import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { LabApiServer } from '../apiserver/lab-api-server.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import { objectPath } from './object-path.ts';

/** What an administrator applies to install the driver. */
const manifestsDirectory = join(import.meta.dirname, '../../../../deploy/manifests');

/** The service account that the driver runs as, by the manifests. */
export const driverServiceAccount = { namespace: 'patchbay', name: 'patchbay' } as const;

/** Kinds of the manifests that say who may do what; the others are the driver itself, which the lab runs as a process. */
const accessKinds = [
  'Namespace',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
];

/** The objects of `deploy/manifests`, in the order in which kubectl applies them. */
function driverManifests(): KubeObject[] {
  return readdirSync(manifestsDirectory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(manifestsDirectory, name), 'utf8')))
    .map((document) => document.toJS() as KubeObject);
}

/**
 * Applies the part of `deploy/manifests` that says what the driver may do, so that it runs in the lab under the rights that it has in a
 * cluster. Does nothing when the service account is there already, whatever has become of its rights since.
 */
export async function installDriverAccess(server: LabApiServer): Promise<void> {
  if (server.store.get({ resource: 'serviceaccounts', ...driverServiceAccount }) !== undefined) return;
  const api = server.client({ userAgent: 'kubectl' });
  try {
    for (const object of driverManifests().filter(({ kind }) => accessKinds.includes(kind))) {
      await api.request({
        method: 'PATCH',
        path: objectPath(object),
        query: { fieldManager: 'kubectl', fieldValidation: 'Strict' },
        contentType: 'application/apply-patch+yaml',
        body: object,
      });
    }
  } finally {
    api.close();
  }
}
