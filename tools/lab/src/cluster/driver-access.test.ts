/** The manifests' roles and policy, held against the lab's API server. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ValidatingAdmission } from '../apiserver/admission/validating-admission.ts';
import { serviceAccountUser } from '../apiserver/authentication/service-account-token.ts';
import { exampleSlice, failure, PATHS, temporaryServer } from '../apiserver/example-objects.ts';
import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import type { LabApiServer, ResourceApiVersion } from '../apiserver/lab-api-server.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import { RESOURCES } from '../apiserver/resources/resource-table.ts';
import { driverServiceAccount, installDriverAccess } from './driver-access.ts';

let server: LabApiServer & AsyncDisposable;
let admin: LabApiClient;
/** The driver on `node-1`. */
let driver: LabApiClient;
beforeEach(async () => {
  server = await temporaryServer();
  admin = server.client();
  await installDriverAccess(server);
  driver = driverOn('node-1');
});
afterEach(() => server[Symbol.asyncDispose]());

const driverOn = (nodeName?: string) =>
  server.client({
    token: server.issueToken({
      serviceAccount: driverServiceAccount,
      podUID: 'uid',
      ...(nodeName === undefined ? {} : { nodeName }),
    }),
  });
const sliceDefinition = RESOURCES.find(({ plural }) => plural === 'resourceslices')!;
const slice = (spec: Record<string, unknown> = {}) =>
  exampleSlice('s', [], { driver: 'patchbay.dev', ...spec });
const create = (client: LabApiClient, body: unknown, path: string = PATHS.slices) =>
  client.request({ method: 'POST', path, body });
const update = (client: LabApiClient, body: unknown) =>
  client.request({ method: 'PUT', path: `${PATHS.slices}/s`, body });
const remove = (client: LabApiClient) => client.request({ method: 'DELETE', path: `${PATHS.slices}/s` });
/** The words of a refusal by the policy. */
async function refusal(request: Promise<unknown>): Promise<string> {
  const { code, reason, message = '' } = await failure(request);
  expect({ code, reason }).toEqual({ code: 403, reason: 'Forbidden' });
  expect(message).toContain("ValidatingAdmissionPolicy 'resourceslices.patchbay.dev'");
  return message.split('denied request: ')[1] ?? message;
}
const ownOnly = 'the driver on node node-1 may only write ResourceSlices of that node';

describe('a driver', () => {
  it('creates, updates and deletes the slices of its node', async () => {
    await create(driver, slice());
    await update(driver, { ...slice(), spec: { ...slice().spec, devices: [{ name: 'a' }] } });
    await remove(driver);
  });

  it('creates none of another node, of all nodes, or of nodes by selector', async () => {
    const nodeSelector = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }] };
    for (const spec of [
      { nodeName: 'node-2' },
      { nodeName: undefined, allNodes: true },
      { nodeName: undefined, nodeSelector },
    ]) {
      expect(await refusal(create(driver, slice(spec)))).toBe(ownOnly);
    }
  });

  it('neither changes nor deletes a slice of another node', async () => {
    await create(admin, slice({ nodeName: 'node-2' }));
    server.store.subscribe(() => expect.fail('something was written'));
    expect(await refusal(remove(driver))).toBe(ownOnly);
    const changed = slice({ nodeName: 'node-2', devices: [{ name: 'a' }] });
    expect(await refusal(update(driver, changed))).toBe(ownOnly);
  });

  it.each([
    ['takes no slice over', 'node-2', 'node-1'],
    ['gives no slice away', 'node-1', 'node-2'],
    ['gives no slice to all', 'node-1', undefined],
  ])('%s', async (_what, from, to) => {
    // The API lets nobody change the node of a slice, so a request would not come as far as the policy.
    expect(
      await failure(create(admin, slice()).then(() => update(admin, slice({ nodeName: 'node-2' })))),
    ).toMatchObject({ code: 422 });
    const admission = new ValidatingAdmission(server.store, () => ['v1']);
    const stored = (nodeName: string | undefined) => slice({ nodeName }) as unknown as KubeObject;
    const user = serviceAccountUser({ serviceAccount: driverServiceAccount, nodeName: 'node-1' }, 'uid');
    const request = { definition: sliceDefinition, version: 'v1', namespace: '', name: 's', subresource: '' };
    const change = (from: string | undefined, to: string | undefined) => () =>
      admission.admit({
        ...{ request, user, name: 's', operation: 'UPDATE', dryRun: false },
        oldObject: stored(from),
        object: stored(to),
      });
    expect(change('node-1', 'node-1')).not.toThrow();
    expect(change(from, to)).toThrow(ownOnly);
  });

  it('leaves the slices of other drivers on its node alone', async () => {
    const words = 'this service account may only write ResourceSlices of driver patchbay.dev';
    expect(await refusal(create(driver, slice({ driver: 'other.dev' })))).toBe(words);
    await create(admin, slice({ driver: 'other.dev' }));
    expect(await refusal(remove(driver))).toBe(words);
  });

  it('writes nothing with a token that names no node, or an empty one', async () => {
    expect(await refusal(create(driverOn(), slice()))).toContain('the token names no node');
    expect(await refusal(create(driverOn(''), slice()))).toContain('the token names no node');
  });

  it.each<ResourceApiVersion>(['v1', 'v1beta2', 'v1beta1'])(
    'is kept to its node in %s too',
    async (version) => {
      server.setResourceVersions([version]);
      const path = PATHS.slices.replace('/v1/', `/${version}/`);
      const apiVersion = `resource.k8s.io/${version}`;
      expect(await refusal(create(driver, { ...slice({ nodeName: 'node-2' }), apiVersion }, path))).toBe(
        ownOnly,
      );
      await create(driver, { ...slice(), apiVersion }, path);
    },
  );

  it('may not delete collections, not even of its own', async () => {
    const request = driver.request({ method: 'DELETE', path: PATHS.slices });
    expect((await failure(request)).message).toContain('cannot deletecollection resource "resourceslices"');
  });
});

it('others are not concerned: the kubelet and administrators write any slice', async () => {
  await create(admin, slice({ nodeName: 'node-2' }));
  await update(admin, slice({ nodeName: 'node-2', devices: [{ name: 'a' }] }));
  await admin.request({ method: 'DELETE', path: PATHS.slices });
  expect((await admin.list(PATHS.slices)).items).toEqual([]);
});

it('installing again changes nothing, also what an administrator has changed', async () => {
  const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/patchbay';
  await admin.request({ method: 'DELETE', path: role });
  await installDriverAccess(server);
  expect(await failure(admin.request({ method: 'GET', path: role }))).toMatchObject({ code: 404 });
});
