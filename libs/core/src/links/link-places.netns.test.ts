import { linkDelete, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodSandbox } from '../backend/backend.ts';
import { LinkPlaces } from './link-places.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { travelMark } from './link-identity.ts';

let host: RouteSocket;
let pod: NetworkNamespace;
let inPod: RouteSocket;
let sandbox: PodSandbox;
beforeEach(() => {
  host = RouteSocket.open();
  pod = NetworkNamespace.create();
  inPod = RouteSocket.open({ namespace: pod });
  sandbox = {
    ...{ podUID: 'p1', podName: 'p1', podNamespace: 'default', sandboxId: 's1' },
    networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
  };
});
afterEach(() => {
  inPod.close();
  pod.close();
  host.close();
});

describe('a link that is created in a pod', () => {
  const setup = { name: 'blue0', hardwareAddress: '02:00:5e:00:53:01' };
  const place = (linkIndex?: number) =>
    new LinkPlaces(host).created('veth', setup, { ...sandbox, linkIndex });
  const create = () =>
    inPod.createLink({
      name: setup.name,
      address: setup.hardwareAddress,
      kind: { kind: 'veth', peer: { name: 'peer0' } },
    });

  it('is in the pod by whichever of name, address and index is known, and can be made when none is', async () => {
    expect(await place()).toBe('host');
    const { index } = create();
    expect(await place()).toBe('pod');
    inPod.execute(linkSet(index, { name: 'other0' }));
    expect(await place()).toBe('pod');
    inPod.execute(linkSet(index, { name: setup.name, address: '02:00:5e:00:53:02' }));
    expect(await place()).toBe('pod');
    inPod.execute(linkSet(index, { name: 'other0' }));
    expect(await place()).toBe('host');
    expect(await place(index)).toBe('pod');
    inPod.execute(linkDelete({ index }));
    expect(await place(index)).toBe('host');
  });

  it('is nowhere when the pod is gone', async () => {
    sandbox = { ...sandbox, networkNamespacePath: '/run/netns/gone' };
    expect(await place()).toBe('nowhere');
  });
});

describe('a link of the host', () => {
  it('is where it was moved to, or nowhere', () => {
    const { index } = host.createLink({ name: 'nic0', kind: { kind: 'veth', peer: { name: 'port0' } } });
    const link = host.link({ index });
    if (link === undefined) throw new Error('no link');
    const snapshot = { index, name: link.name, kind: 'veth', hardwareAddress: link.address } as LinkSnapshot;
    const place = (linkIndex?: number) => new LinkPlaces(host).moved(snapshot, {}, { ...sandbox, linkIndex });
    expect(place()).toBe('host');
    host.execute(
      linkSet(index, { alias: travelMark(snapshot) ?? '' }),
      linkSet(index, { namespace: pod, name: 'fast0' }),
    );
    expect(place()).toBe('pod');
    const moved = inPod.linkIndex('fast0') ?? 0;
    inPod.execute(linkSet(moved, { alias: '', address: '02:00:5e:00:53:02' }));
    expect(place()).toBe('nowhere');
    expect(place(moved)).toBe('pod');
    inPod.execute(linkDelete({ name: 'fast0' }));
    expect(place(moved)).toBe('nowhere');
  });
});
