import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodLinkState } from '../links/pod-link-state.ts';
import { DeviceLinks } from './device-links.ts';

const device: DeviceRecord = {
  kind: 'fake',
  pool: 'node/fake',
  device: { name: 'nic', identity: 'fake/nic', attributes: {} },
  request: 'req',
  adminAccess: false,
  interfaceName: 'net1',
  prepared: {},
};
const record: ClaimRecord = {
  version: 1,
  bootId: 'boot',
  claim: { uid: 'c1', namespace: 'default', name: 'c1' },
  podUIDs: ['p1'],
  devices: [device],
  attachments: [],
};
const sandbox = {
  podUID: 'p1',
  podName: 'p1',
  podNamespace: 'default',
  sandboxId: 's1',
  networkNamespacePath: '/run/netns/s1',
};
const noCarrier: PodLinkState = { kind: 'no-carrier', operState: 'down' };

/** The links of devices, whose states the test tells, and what is heard of them. */
function deviceLinks() {
  const followed = new Set<string>();
  const changes: string[] = [];
  /** After which of the changes a carrier came that was not there before. */
  const carriers: number[] = [];
  let listener: (key: string, state: PodLinkState) => void = () => {};
  let attached = true;
  const links = new DeviceLinks(
    {
      watch: (key) => void followed.add(key),
      unwatch: (key) => void followed.delete(key),
      onChange: (heard) => void (listener = heard),
    },
    () => attached,
    ({ before, state, carrierCame }) => {
      changes.push(`${before?.kind ?? 'unknown'} ${state.kind}`);
      if (carrierCame) carriers.push(changes.length);
    },
  );
  const follow = (index = 7, fresh = false) =>
    links.follow(record, sandbox, new Map([[device, { index, name: 'net1', mtu: 1500, ips: [] }]]), fresh);
  const tell = (state: PodLinkState) => followed.forEach((key) => listener(key, state));
  const takeBack = () => void (attached = false);
  const state = () => links.stateInPod('fake', 'nic');
  return { links, changes, carriers, followed, follow, tell, takeBack, state };
}

describe('DeviceLinks', () => {
  it('knows how a link in a pod is until the claim leaves', () => {
    const { links, changes, followed, follow, tell, state } = deviceLinks();
    follow();
    expect(state()).toBeUndefined();
    tell({ kind: 'up' });
    expect(state()).toBe('carrier');
    tell(noCarrier);
    expect(state()).toBe('no-carrier');
    links.leave(record, sandbox);
    expect([state(), followed.size]).toEqual([undefined, 0]);
    expect(changes).toEqual(['unknown up', 'up no-carrier']);
  });

  it('tells when a carrier has come: late or again, and not with a link that has one from the start', () => {
    const late = deviceLinks();
    late.follow(7, true);
    late.tell(noCarrier);
    late.tell({ kind: 'up' });
    late.tell({ kind: 'down' });
    late.tell({ kind: 'up' });
    late.tell(noCarrier);
    late.tell({ kind: 'up' });
    expect([late.changes[0], late.carriers]).toEqual(['unknown up', [1, 5]]);
    const ready = deviceLinks();
    ready.follow(7, true);
    ready.tell({ kind: 'up' });
    expect(ready.carriers).toEqual([]);
  });

  it('does not tell that a link is gone when it leaves because it is taken back', () => {
    const { changes, followed, follow, tell, takeBack } = deviceLinks();
    follow();
    takeBack();
    tell({ kind: 'gone' });
    expect([changes, followed.size]).toEqual([[], 0]);
  });

  it('goes on knowing how a link is that is followed again, and tells nothing twice', () => {
    const { changes, follow, tell, state } = deviceLinks();
    follow();
    tell(noCarrier);
    follow();
    expect(state()).toBe('no-carrier');
    tell(noCarrier);
    expect(changes).toEqual(['unknown no-carrier']);
    follow(8);
    expect(state()).toBeUndefined();
  });

  it('forgets what it knew of a device that another instance has taken back', () => {
    const { follow, tell, takeBack, state } = deviceLinks();
    follow();
    tell({ kind: 'gone' });
    expect(state()).toBe('gone');
    takeBack();
    expect(state()).toBeUndefined();
  });
});

describe('a link that has just come into its pod', () => {
  afterEach(() => void vi.useRealTimers());

  it('may take some seconds to find its carrier, without a word', () => {
    vi.useFakeTimers();
    const { changes, follow, tell, state } = deviceLinks();
    follow(7, true);
    tell(noCarrier);
    vi.advanceTimersByTime(3000);
    expect([state(), changes]).toEqual([undefined, []]);
    tell({ kind: 'up' });
    vi.advanceTimersByTime(10_000);
    expect([state(), changes]).toEqual(['carrier', ['unknown up']]);
    tell(noCarrier);
    expect(state()).toBe('no-carrier');
  });

  it('is told of when it has none after that, also when it was followed again meanwhile, and not when it has left', () => {
    vi.useFakeTimers();
    const { links, changes, follow, tell, state } = deviceLinks();
    follow(7, true);
    tell(noCarrier);
    follow();
    tell(noCarrier);
    vi.advanceTimersByTime(6000);
    expect([state(), changes]).toEqual(['no-carrier', ['unknown no-carrier']]);
    links.leave(record, sandbox);
    follow(8, true);
    tell(noCarrier);
    links.leave(record, sandbox);
    vi.advanceTimersByTime(6000);
    expect(changes).toHaveLength(1);
  });

  it('is told of no more when nobody wants to know of links any more', () => {
    vi.useFakeTimers();
    const { links, changes, follow, tell, state } = deviceLinks();
    follow(7, true);
    tell(noCarrier);
    links[Symbol.dispose]();
    vi.advanceTimersByTime(6000);
    tell({ kind: 'up' });
    expect([state(), changes]).toEqual([undefined, []]);
  });
});
