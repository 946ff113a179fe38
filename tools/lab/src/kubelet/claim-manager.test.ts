import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pause } from '../waiting/wait-until.ts';
import { ClaimManager } from './claim-manager.ts';
import { DraProtocolError } from './dra-protocol-error.ts';
import { DraService } from './dra-service.ts';
import type { AllocationResult, ResourceClaim } from './kubelet-api.ts';
import type { ContainerClaimReference, PodManifest } from './pod-manifest.ts';
import { ScriptedDriver, preparedDevice, scriptedDriverName } from './scripted-driver.ts';

let directory = '';
let driver: ScriptedDriver;
let service: DraService;
let manager: ClaimManager;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dra-'));
  driver = await new ScriptedDriver(directory).start();
  serve('v1.DRAPlugin');
});
afterEach(() => {
  service.close();
  driver.stop();
  rmSync(directory, { recursive: true });
});

function serve(name: 'v1.DRAPlugin' | 'v1beta1.DRAPlugin'): void {
  service = new DraService(scriptedDriverName, driver.endpoint, name, 2000);
  manager = new ClaimManager((driverName) => {
    if (driverName !== scriptedDriverName) throw new Error(`DRA driver ${driverName} is not registered`);
    return service;
  });
}

const nic: AllocationResult = { request: 'nic', driver: scriptedDriverName, pool: 'node', device: 'eth1' };

function claim(
  name: string,
  results: readonly AllocationResult[] = [nic],
  uid = `uid-${name}`,
): ResourceClaim {
  return { metadata: { name, namespace: 'default', uid }, status: { allocation: { devices: { results } } } };
}

function pod(
  name: string,
  claims: readonly string[],
  containerClaims: readonly ContainerClaimReference[] = [],
): PodManifest {
  return {
    metadata: { name, uid: `uid-${name}` },
    spec: {
      containers: [{ name: 'main', resources: { claims: containerClaims } }],
      resourceClaims: claims.map((claimName) => ({ name: claimName, resourceClaimName: claimName })),
    },
  };
}

describe('ClaimManager.prepare', () => {
  test('asks once per driver for all claims of a pod, naming namespace, name and UID', async () => {
    const asked: unknown[] = [];
    const { prepare } = driver.script;
    driver.script.prepare = (claims) => {
      asked.push(...claims);
      return prepare(claims);
    };
    await manager.prepare(pod('p', ['a', 'b']), [claim('a'), claim('b')]);
    expect(driver.calls).toEqual([{ method: 'prepare', version: 'v1', uids: ['uid-a', 'uid-b'] }]);
    expect(asked).toEqual([
      { namespace: 'default', name: 'a', uid: 'uid-a' },
      { namespace: 'default', name: 'b', uid: 'uid-b' },
    ]);
    expect(manager.preparedClaims).toEqual(['uid-a', 'uid-b']);
  });

  test('never asks twice for a claim, not even for two pods at the same time', async () => {
    const { prepare } = driver.script;
    driver.script.prepare = async (claims) => {
      await pause(30);
      return prepare(claims);
    };
    await Promise.all([
      manager.prepare(pod('p', ['a']), [claim('a')]),
      manager.prepare(pod('q', ['a']), [claim('a')]),
    ]);
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    expect(driver.calls).toHaveLength(1);
  });

  test('asks again after a restart of the kubelet', async () => {
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    manager.forgetPrepared();
    expect(manager.preparedClaims).toEqual([]);
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    expect(driver.calls).toHaveLength(2);
  });

  test('prepares claims of different pods side by side', async () => {
    let inside = 0;
    let most = 0;
    const { prepare } = driver.script;
    driver.script.prepare = async (claims) => {
      most = Math.max(most, ++inside);
      await pause(50);
      inside--;
      return prepare(claims);
    };
    await Promise.all(['a', 'b', 'c'].map((name) => manager.prepare(pod(name, [name]), [claim(name)])));
    expect(most).toBe(3);
  });

  test("passes the driver's words on, and asks for all claims again", async () => {
    driver.script.prepare = (claims) => ({
      [claims[0]?.uid ?? '']: { devices: [preparedDevice(claims[0]?.uid ?? '')] },
      [claims[1]?.uid ?? '']: { error: 'device eth1 is held by claim default/other' },
    });
    const preparing = manager.prepare(pod('p', ['a', 'b']), [claim('a'), claim('b')]);
    await expect(preparing).rejects.toThrow(
      'NodePrepareResources failed for ResourceClaim default/b: device eth1 is held by claim default/other',
    );
    expect(manager.preparedClaims).toEqual([]);
    driver.script.prepare = () => Promise.reject(new Error('journal is on fire'));
    await expect(manager.prepare(pod('p', ['a', 'b']), [claim('a'), claim('b')])).rejects.toThrow(
      'journal is on fire',
    );
    expect(driver.calls.map(({ uids }) => uids)).toEqual([
      ['uid-a', 'uid-b'],
      ['uid-a', 'uid-b'],
    ]);
  });

  test('refuses a claim that was re-created under its name while the old one is still prepared', async () => {
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    const again = manager.prepare(pod('q', ['a']), [claim('a', [nic], 'uid-other')]);
    await expect(again).rejects.toThrow(/different UID uid-a still exists/);
  });

  test('names the driver that is not registered', async () => {
    const foreign = { ...nic, driver: 'gpu.example.org' };
    const preparing = manager.prepare(pod('p', ['a']), [claim('a', [foreign])]);
    await expect(preparing).rejects.toThrow('DRA driver gpu.example.org is not registered');
  });
});

describe('ClaimManager.cdiDevices', () => {
  const two: readonly AllocationResult[] = [nic, { ...nic, request: 'fast/a', device: 'eth2' }];
  const answer = (uid: string) => ({
    devices: [
      preparedDevice(uid),
      {
        ...preparedDevice(uid),
        requestNames: ['fast'],
        deviceName: 'eth2',
        cdiDeviceIds: [`example.org/net=${uid}-2`],
      },
    ],
  });

  test('gives a container the devices of the claims and requests that it names', async () => {
    driver.script.prepare = (claims) => Object.fromEntries(claims.map(({ uid }) => [uid, answer(uid)]));
    const with_ = (references: readonly ContainerClaimReference[]) => pod('p', ['a', 'b'], references);
    await manager.prepare(with_([]), [claim('a', two), claim('b', two)]);
    const devices = (references: readonly ContainerClaimReference[]) => {
      const manifest = with_(references);
      return manager.cdiDevices(manifest, manifest.spec.containers[0]!);
    };
    expect(devices([])).toEqual([]);
    expect(devices([{ name: 'a' }])).toEqual(['example.org/net=uid-a', 'example.org/net=uid-a-2']);
    expect(devices([{ name: 'b', request: 'fast' }])).toEqual(['example.org/net=uid-b-2']);
    expect(
      devices([
        { name: 'a', request: 'nic' },
        { name: 'b', request: 'nic' },
      ]),
    ).toEqual(['example.org/net=uid-a', 'example.org/net=uid-b']);
    expect(() => devices([{ name: 'c' }])).toThrow("names claim 'c', which its pod does not have");
  });

  test('a device without request names belongs to every request', async () => {
    driver.script.prepare = ([first]) => ({
      [first?.uid ?? '']: { devices: [{ ...preparedDevice('x'), requestNames: [] }] },
    });
    const manifest = pod('p', ['a'], [{ name: 'a', request: 'fast' }]);
    await manager.prepare(manifest, [claim('a', two)]);
    expect(manager.cdiDevices(manifest, manifest.spec.containers[0]!)).toEqual(['example.org/net=x']);
  });
});

describe('ClaimManager.cdiDevices for extended resources', () => {
  const resourceName = 'example.com/nic';
  const mapping = (containerName: string, requestName: string) => ({
    containerName,
    resourceName,
    requestName,
  });
  const results = ['container-0-request-0', 'container-1-request-0'].map((request, index) => ({
    ...nic,
    request,
    device: `eth${String(index)}`,
  }));
  const manifest: PodManifest = {
    metadata: { name: 'p', uid: 'uid-p' },
    spec: {
      containers: [
        { name: 'one', resources: { requests: { [resourceName]: '1' } } },
        { name: 'two', resources: { requests: { [resourceName]: '1' } } },
        { name: 'three', resources: { requests: { 'example.com/other': '1' } } },
      ],
    },
    status: {
      extendedResourceClaimStatus: {
        resourceClaimName: 'x',
        requestMappings: [
          mapping('one', 'container-0-request-0'),
          mapping('two', 'container-1-request-0'),
          // Not what the container asks for, so not what it gets.
          mapping('three', 'container-1-request-0'),
        ],
      },
    },
  };

  test('gives each container the devices of its mapped requests', async () => {
    driver.script.prepare = (claims) =>
      Object.fromEntries(
        claims.map(({ uid }) => [
          uid,
          {
            devices: results.map(({ request, device }) => ({
              ...preparedDevice(uid),
              requestNames: [request],
              deviceName: device,
              cdiDeviceIds: [`example.org/net=${device}`],
            })),
          },
        ]),
      );
    await manager.prepare(manifest, [claim('x', results)]);
    expect(manifest.spec.containers.map((container) => manager.cdiDevices(manifest, container))).toEqual([
      ['example.org/net=eth0'],
      ['example.org/net=eth1'],
      [],
    ]);
  });

  test('needs the claim prepared', () => {
    expect(() => manager.cdiDevices(manifest, manifest.spec.containers[0]!)).toThrow(
      'ResourceClaim x: it is not prepared',
    );
  });
});

describe('ClaimManager.unprepare', () => {
  test('asks once the last pod is gone', async () => {
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    await manager.prepare(pod('q', ['a', 'b']), [claim('a'), claim('b')]);
    await manager.unprepare('uid-q');
    await manager.unprepare('uid-p');
    await manager.unprepare('uid-p');
    expect(driver.calls.filter(({ method }) => method === 'unprepare').map(({ uids }) => uids)).toEqual([
      ['uid-b'],
      ['uid-a'],
    ]);
    expect(manager.preparedClaims).toEqual([]);
  });

  test('a claim that could not be unprepared is asked for again', async () => {
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    const { unprepare } = driver.script;
    driver.script.unprepare = () => ({ 'uid-a': { error: 'link eth1 is busy' } });
    await expect(manager.unprepare('uid-p')).rejects.toThrow(
      'for ResourceClaim default/a: link eth1 is busy',
    );
    driver.script.unprepare = unprepare;
    await manager.unprepare('uid-p');
    expect(driver.calls.filter(({ method }) => method === 'unprepare')).toHaveLength(2);
  });

  test('also asks for claims whose preparation failed: the driver may have begun', async () => {
    driver.script.prepare = () => ({ 'uid-a': { error: 'no' } });
    await expect(manager.prepare(pod('p', ['a']), [claim('a')])).rejects.toThrow('no');
    await manager.unprepare('uid-p');
    expect(driver.calls.at(-1)).toMatchObject({ method: 'unprepare', uids: ['uid-a'] });
  });
});

describe('protocol violations', () => {
  const device = preparedDevice('uid-a');

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['no entry for a claim', {}, /has no entry for claim UID uid-a/],
    ['an entry too many', { 'uid-a': { devices: [device] }, 'uid-z': {} }, /a claim not asked for: uid-z/],
    [
      'a subrequest',
      { 'uid-a': { devices: [{ ...device, requestNames: ['nic/fast'] }] } },
      /names subrequest 'nic\/fast'/,
    ],
    [
      'a foreign request',
      { 'uid-a': { devices: [{ ...device, requestNames: ['gpu'] }] } },
      /names request 'gpu'/,
    ],
    [
      'a device not allocated',
      { 'uid-a': { devices: [{ ...device, deviceName: 'eth9' }] } },
      /node\/eth9 was not allocated/,
    ],
    [
      'a foreign pool',
      { 'uid-a': { devices: [{ ...device, poolName: 'other' }] } },
      /other\/eth1 was not allocated/,
    ],
    [
      'an unqualified CDI id',
      { 'uid-a': { devices: [{ ...device, cdiDeviceIds: ['eth1'] }] } },
      /CDI id 'eth1'/,
    ],
    [
      'a CDI id without class',
      { 'uid-a': { devices: [{ ...device, cdiDeviceIds: ['example.org=x'] }] } },
      /CDI id/,
    ],
    [
      'a CDI id with a bad name',
      { 'uid-a': { devices: [{ ...device, cdiDeviceIds: ['example.org/net=a/b'] }] } },
      /CDI id/,
    ],
    [
      'a CDI id twice',
      { 'uid-a': { devices: [{ ...device, cdiDeviceIds: ['a.b/c=d', 'a.b/c=d'] }] } },
      /a CDI id twice/,
    ],
    ['a device twice', { 'uid-a': { devices: [device, device] } }, /is answered twice/],
    [
      'a share id that nobody gave',
      { 'uid-a': { devices: [{ ...device, shareId: 'share-2' }] } },
      /share id share-2/,
    ],
  ])('%s in the answer to prepare is thrown and kept', async (_, answer, words) => {
    driver.script.prepare = () => answer;
    const preparing = manager.prepare(pod('p', ['a']), [claim('a')]);
    await expect(preparing).rejects.toThrow(DraProtocolError);
    await expect(preparing).rejects.toThrow(words);
    expect(manager.violations).toHaveLength(1);
  });

  const shares = ['share-1', 'share-2'].map((shareID) => ({ ...nic, shareID }));
  const answerShares = (...shareIds: readonly (string | undefined)[]) => {
    driver.script.prepare = () => ({
      'uid-a': {
        devices: shareIds.map((shareId) => ({ ...device, ...(shareId === undefined ? {} : { shareId }) })),
      },
    });
    return manager.prepare(pod('p', ['a']), [claim('a', shares)]);
  };

  test('two shares of a device are two answers in v1, each with its share id', async () => {
    await answerShares('share-1', 'share-2');
    expect(manager.violations).toEqual([]);
  });

  test.each([
    ['the same share twice', ['share-1', 'share-1'], /is answered twice/],
    ['a share without its id', [undefined], /without share id; allocated are share-1, share-2/],
    ['a share of another claim', ['share-3'], /share id share-3, which the allocation does not have/],
  ])('%s is thrown and kept', async (_, shareIds, words) => {
    await expect(answerShares(...shareIds)).rejects.toThrow(words);
    expect(manager.violations).toHaveLength(1);
  });

  test('v1beta1 has no place for share ids: two shares are two answers that look alike', async () => {
    service.close();
    serve('v1beta1.DRAPlugin');
    await answerShares('share-1', 'share-2');
    expect(manager.violations).toEqual([]);
    manager.forgetPrepared();
    await expect(answerShares(undefined, undefined, undefined)).rejects.toThrow(/is answered twice/);
  });

  test('a missing entry in the answer to unprepare is thrown and kept', async () => {
    await manager.prepare(pod('p', ['a']), [claim('a')]);
    driver.script.unprepare = () => ({});
    await expect(manager.unprepare('uid-p')).rejects.toThrow(DraProtocolError);
    expect(manager.violations).toHaveLength(1);
  });
});
