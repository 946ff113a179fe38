import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiRequestError } from './lab-api-client.ts';
import { LabApiServer } from './lab-api-server.ts';
import type { LabApiServerOptions } from './lab-api-server.ts';
import type { Status } from './status-error.ts';

/** Paths of the resources, for tests. */
export const PATHS = {
  classes: '/apis/resource.k8s.io/v1/deviceclasses',
  slices: '/apis/resource.k8s.io/v1/resourceslices',
  claims: '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims',
  templates: '/apis/resource.k8s.io/v1/namespaces/default/resourceclaimtemplates',
  pods: '/api/v1/namespaces/default/pods',
  nodes: '/api/v1/nodes',
  events: '/api/v1/namespaces/default/events',
} as const;

/** A server in its own directory that is stopped and removed when the variable that holds it goes out of scope. */
export async function temporaryServer(
  options: Omit<LabApiServerOptions, 'directory'> = {},
): Promise<LabApiServer & AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), 'lab-apiserver-'));
  const server = await LabApiServer.start({ ...options, directory });
  return Object.assign(server, {
    async [Symbol.asyncDispose]() {
      await server.stop();
      rmSync(directory, { recursive: true });
    },
  });
}

/** A device with a few attributes. */
export function exampleDevice(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, attributes: { kind: { string: 'dummy' } }, ...more };
}

/** A slice of node `node-1`, its whole pool unless told otherwise. */
export function exampleSlice(
  name: string,
  devices: readonly unknown[],
  spec: Record<string, unknown> = {},
): { apiVersion: string; kind: string; metadata: { name: string }; spec: Record<string, unknown> } {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name },
    spec: {
      driver: 'example.dev',
      nodeName: 'node-1',
      pool: { name: 'node-1', generation: 1, resourceSliceCount: 1 },
      ...(devices.length === 0 ? {} : { devices }),
      ...spec,
    },
  };
}

/** A claim for one device of class `net`, or for what the requests say. */
export function exampleClaim(
  name: string,
  requests: readonly unknown[] = [{ name: 'nic', exactly: { deviceClassName: 'net' } }],
  devices: Record<string, unknown> = {},
): { metadata: { name: string }; spec: { devices: Record<string, unknown> } } {
  return { metadata: { name }, spec: { devices: { requests, ...devices } } };
}

/** A pod with one container that uses claims. */
export function examplePod(
  name: string,
  resourceClaims: readonly Record<string, string>[] = [],
  spec: Record<string, unknown> = {},
): { metadata: { name: string }; spec: Record<string, unknown> } {
  return {
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'none' }], resourceClaims, ...spec },
  };
}

/** The Status that a request failed with; an error when it did not fail. */
export async function failure(request: Promise<unknown>): Promise<Status> {
  try {
    await request;
  } catch (error) {
    if (error instanceof ApiRequestError) return error.status;
    throw error;
  }
  throw new Error('the request succeeded');
}

/** `field: message` of each cause of a failed request. */
export async function causes(request: Promise<unknown>): Promise<string[]> {
  const { details } = await failure(request);
  return (details?.causes ?? []).map(({ field, message }) => `${field ?? ''}: ${message ?? ''}`);
}
