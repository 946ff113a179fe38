import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllocatedClaims } from './allocated-claims.ts';
import type { Allocated, AllocatedConfig } from './allocated-claims.ts';
import { ConformanceRig, nodeName } from './conformance-rig.ts';
import { ScriptedDriver } from './scripted-driver.ts';

describe('what a driver is told of a claim', () => {
  let rig: ConformanceRig;
  let driver: ScriptedDriver;

  beforeEach(async () => {
    rig = await ConformanceRig.start();
    driver = new ScriptedDriver(join(rig.directory, 'cdi'));
  });
  afterEach(() => rig.stop());

  /** Allocates a claim, has it prepared, and returns what the driver was told of its devices and the kubelet of the outcome. */
  async function prepared(devices: readonly (string | Allocated)[], config: readonly AllocatedConfig[]) {
    const claim = await new AllocatedClaims(rig.admin).allocate('a', devices, { config });
    const { sockets } = await rig.startPlugin({ driver });
    const answer = (await rig.kubelet.prepare(sockets.service, [claim]))[claim.uid];
    expect(answer?.error).toBe('');
    return { told: driver.seen[0]?.devices ?? [], answered: answer?.devices ?? [] };
  }

  const parameters = ({ told }: Awaited<ReturnType<typeof prepared>>) =>
    Object.fromEntries(told.map(({ request, configs }) => [request, configs.map((one) => one.parameters)]));

  it('check 17: results and configuration of other drivers are left out, unread', async () => {
    const foreign = { request: 'gpu', driver: 'gpu.example.com', pool: 'elsewhere', device: 'gpu-0' };
    const { told, answered } = await prepared(
      [foreign, 'toy-1'],
      [
        // For a driver that reads it as its own: no colour at all.
        { parameters: { colour: { not: ['a', 'colour'] } }, driver: 'gpu.example.com' },
        { parameters: { colour: 'red' } },
      ],
    );
    expect(told).toEqual([
      {
        request: 'toy',
        pool: nodeName,
        device: 'toy-1',
        adminAccess: false,
        configs: [{ source: 'FromClaim', parameters: { colour: 'red' } }],
      },
    ]);
    expect(answered.map(({ deviceName }) => deviceName)).toEqual(['toy-1']);
  });

  it('check 18: a configuration without request names applies to all requests', async () => {
    const both = [
      { request: 'a', device: 'toy-1' },
      { request: 'b/sub', device: 'toy-2' },
    ];
    const result = await prepared(both, [{ parameters: { n: 1 }, requests: [] }]);
    expect(parameters(result)).toEqual({ a: [{ n: 1 }], 'b/sub': [{ n: 1 }] });
  });

  it('check 19: a configuration for a request reaches its subrequest, one for a sibling does not', async () => {
    const result = await prepared(
      [{ request: 'req/sub', device: 'toy-1' }],
      [
        { parameters: { for: 'request' }, requests: ['req'] },
        { parameters: { for: 'subrequest' }, requests: ['req/sub'] },
        { parameters: { for: 'sibling' }, requests: ['req/sibling'] },
        { parameters: { for: 'another' }, requests: ['re'] },
      ],
    );
    expect(parameters(result)).toEqual({ 'req/sub': [{ for: 'request' }, { for: 'subrequest' }] });
  });

  it('check 20: class configuration comes before the claim’s whatever the order of the list', async () => {
    const result = await prepared(
      ['toy-1'],
      [
        { parameters: { n: 'claim 1' }, source: 'FromClaim' },
        { parameters: { n: 'class 1' }, source: 'FromClass' },
        { parameters: { n: 'claim 2' }, source: 'FromClaim' },
        { parameters: { n: 'class 2' }, source: 'FromClass' },
      ],
    );
    const inOrder = ['class 1', 'class 2', 'claim 1', 'claim 2'].map((n) => ({ n }));
    expect(parameters(result)).toEqual({ toy: inOrder });
  });
});
