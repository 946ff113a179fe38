import { NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimRecord } from '../attachments/claim-record.ts';
import type { PodLinkState } from '../links/pod-link-state.ts';
import { DeviceLinks } from './device-links.ts';

const device = {
  ...{ kind: 'fake', pool: 'node/fake', request: 'req', adminAccess: false, interfaceName: 'net1' },
  ...{ device: { name: 'nic', identity: 'fake/nic', attributes: {} }, prepared: {} },
};
let pod: NetworkNamespace;
let record: ClaimRecord;
beforeEach(() => {
  pod = NetworkNamespace.create();
  using socket = RouteSocket.open({ namespace: pod });
  socket.createLink({ name: 'net1', kind: { kind: 'bridge' } });
  const sandbox = {
    ...{ podUID: 'p1', podName: 'p1', podNamespace: 'default', sandboxId: 's1' },
    networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
  };
  record = {
    ...{ version: 1, bootId: 'boot', claim: { uid: 'c1', namespace: 'default', name: 'c1' } },
    ...{ podUIDs: ['p1'], devices: [device], attachments: [{ phase: 'attached', sandbox }] },
  };
});
afterEach(() => pod.close());

/** Device links whose states the test tells. */
function deviceLinks() {
  let listener: (key: string, state: PodLinkState) => void = () => {};
  const keys: string[] = [];
  const links = new DeviceLinks(
    {
      watch: (key) => void keys.push(key),
      unwatch: () => {},
      onChange: (heard) => void (listener = heard),
    },
    () => true,
    () => {},
  );
  return { links, tell: (state: PodLinkState) => keys.forEach((key) => listener(key, state)) };
}

describe('links of a driver before this one', () => {
  it('are waited for until it is known how they are', async () => {
    const { links, tell } = deviceLinks();
    let isKnown = false;
    const resumed = links.resume([record]).then(() => (isKnown = true));
    await new Promise(setImmediate);
    expect(isKnown).toBe(false);
    tell({ kind: 'no-carrier', operState: 'down' });
    await resumed;
    expect(links.stateInPod('fake', 'nic')).toBe('no-carrier');
  });

  it('that cannot be read are not waited for longer than a second', async () => {
    const began = performance.now();
    await deviceLinks().links.resume([record]);
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  it('are not waited for when there are none', async () => {
    const began = performance.now();
    await deviceLinks().links.resume([{ ...record, attachments: [] }]);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
