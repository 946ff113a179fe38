import { RequestTemplate } from '@patchbay/netlink';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InterfaceParameters } from '../interface-parameters.ts';
import { freshSteps } from './fresh-steps.ts';
import { interfaceSteps } from './interface-step.ts';
import type { PodState } from './pod-state.ts';

const hardwareAddress = '02:00:5e:00:53:01';

/** The setup that a claim's document comes to, of a link whose hardware address is known. */
function setupOf(content: object) {
  const document = { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...content };
  const { interface: setup } = new InterfaceParameters(new Map()).resolve(
    [{ source: 'FromClaim', parameters: document }],
    '',
    'net1',
  );
  return { ...setup, hardwareAddress };
}

const some = <T extends object>(record: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(record, { requiredKeys: [] });
const document = fc.record({
  interface: some({
    addresses: fc.subarray(['192.0.2.10/24', '198.51.100.1/32', '2001:db8:1::10/64']),
    txQueueLength: fc.integer({ min: 1, max: 5000 }),
    promiscuous: fc.boolean(),
    gsoMaxSize: fc.integer({ min: 2048, max: 65_536 }),
    sysctls: fc.constantFrom({}, { 'net.ipv4.conf.IFNAME.rp_filter': 2 }),
  }),
  routes: fc.subarray([
    { destination: '10.9.0.0/16', scope: 'link' },
    { destination: '203.0.113.0/24', gateway: '203.0.113.1', onlink: true, table: 100, mtu: 1300 },
    { destination: '2001:db8:2::/48', gateway: 'fe80::1' },
  ]),
  neighbours: fc.subarray([
    { address: '192.0.2.1', hardwareAddress: '02:00:00:00:00:01' },
    { address: '2001:db8:1::1', hardwareAddress: '02:00:00:00:00:02' },
  ]),
});

describe('messages to a fresh link that are written before there is one', () => {
  it('are those that are sent otherwise', () => {
    // It has addresses and routes of its CNI plugin, which are of no account for the steps.
    const pod: PodState = {
      addresses: [{ linkIndex: 2, address: '10.244.0.5/24' } as PodState['addresses'][number]],
      routes: [{ linkIndex: 2, destination: '0.0.0.0/0' } as PodState['routes'][number]],
      ...{ rules: [], neighbours: [] },
    };
    fc.assert(
      fc.property(document, fc.integer({ min: 3, max: 0x7fff_ffff }), (content, index) => {
        const setup = setupOf(content);
        const steps = interfaceSteps({ index, address: hardwareAddress }, setup, pod, undefined);
        const sent = new RequestTemplate(() => steps.map(({ request }) => request)).fill(7, 0);
        const fresh = freshSteps(setup);
        expect(fresh?.template.fill(7, index).toString('hex')).toBe(sent.toString('hex'));
        expect(fresh?.steps.map(({ purpose }) => purpose())).toEqual(steps.map(({ purpose }) => purpose()));
      }),
    );
  });

  it.each([
    ['default routes', { routes: [{ destination: '0.0.0.0/0', scope: 'link', override: true }] }],
    ['rules', { rules: [{ priority: 900, source: '192.0.2.10/32', table: 100 }] }],
    ['VRFs', { interface: { vrf: { name: 'blue', table: 10 } } }],
  ])('are not written when they depend on the %s that the pod has', (_what, content) => {
    expect(freshSteps(setupOf(content))).toBeUndefined();
  });

  it('are not written when they depend on the time', () => {
    const leases = [{ address: '192.0.2.10/24', obtainedAt: 0, validFor: 600 }];
    expect(freshSteps({ ...setupOf({}), leases })).toBeUndefined();
  });
});
