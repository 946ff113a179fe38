import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { failure, PATHS, temporaryServer } from '../example-objects.ts';
import { LabApiClient } from '../lab-api-client.ts';
import type { LabApiServer } from '../lab-api-server.ts';

const serviceAccount = { namespace: 'default', name: 'driver' };
const accounts = '/api/v1/namespaces/default/serviceaccounts';

let server: LabApiServer & AsyncDisposable;
beforeAll(async () => {
  server = await temporaryServer();
  await createAccount();
});
afterAll(() => server[Symbol.asyncDispose]());

const createAccount = () =>
  server.client().request({ method: 'POST', path: accounts, body: { metadata: { name: 'driver' } } });
/** What every identity may read. */
const discover = (token: string) => server.client({ token }).request({ method: 'GET', path: '/apis' });

describe('a token of a service account', () => {
  it('lets its bearer in under the name of the service account', async () => {
    server.requests.length = 0;
    await discover(server.issueToken({ serviceAccount, nodeName: 'node-1' }));
    await server.client().list(PATHS.nodes);
    expect(server.requests.map(({ user }) => user)).toEqual([
      'system:serviceaccount:default:driver',
      'lab-admin',
    ]);
  });

  it('is answered 401 once it is revoked, others stay', async () => {
    const [revoked, other] = [server.issueToken({ serviceAccount }), server.issueToken({ serviceAccount })];
    server.revokeToken(revoked);
    expect(await failure(discover(revoked))).toMatchObject({ code: 401, reason: 'Unauthorized' });
    await expect(discover(other)).resolves.toMatchObject({ kind: 'APIGroupList' });
  });

  it('is answered 401 once it is expired', async () => {
    const token = server.issueToken({ serviceAccount, expiresInMs: 1000 });
    await discover(token);
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1001);
    try {
      expect(await failure(discover(token))).toMatchObject({ code: 401 });
    } finally {
      now.mockRestore();
    }
  });

  it('is worth nothing when its service account is gone, also when one of the same name has come since', async () => {
    const token = server.issueToken({ serviceAccount });
    await server.client().request({ method: 'DELETE', path: `${accounts}/driver` });
    expect(await failure(discover(token))).toMatchObject({ code: 401 });
    expect(() => server.issueToken({ serviceAccount })).toThrow('serviceaccounts "driver" not found');
    await createAccount();
    expect(await failure(discover(token))).toMatchObject({ code: 401 });
  });

  it('can be replaced in its file while the kubeconfig stays', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lab-token-'));
    const [path, tokenFile] = [join(directory, 'kubeconfig.yaml'), join(directory, 'token')];
    try {
      server.writeKubeconfig(path, { tokenFile });
      for (const expected of [undefined, 401, undefined]) {
        const token = server.issueToken({ serviceAccount });
        if (expected === 401) server.revokeToken(token);
        writeFileSync(tokenFile, `${token}\n`);
        const answer = LabApiClient.fromKubeconfig(path).request({ method: 'GET', path: '/apis' });
        if (expected === 401) expect(await failure(answer)).toMatchObject({ code: 401 });
        else await expect(answer).resolves.toMatchObject({ kind: 'APIGroupList' });
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

it("a client that sees every version reads in the storage version what the server offers only in others'", async () => {
  await using old = await temporaryServer({ resourceVersions: ['v1beta1'] });
  const list = { method: 'GET', path: PATHS.slices };
  expect(await failure(old.client().request(list))).toMatchObject({ code: 404 });
  await expect(old.client({ everyVersion: true }).request(list)).resolves.toMatchObject({
    apiVersion: 'resource.k8s.io/v1',
  });
});
