import { linkDelete, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodSandbox } from '../backend/backend.ts';
import { CreatedLinks } from './created-links.ts';
import { hostLinkAccess } from './link-snapshot/host-link-access.ts';
import { planPodLink } from './pod-link-plan.ts';

let host: RouteSocket;
let own: NetworkNamespace;
let pod: NetworkNamespace;
let sandbox: PodSandbox;
let links: CreatedLinks;
let parent: number;
beforeEach(() => {
  host = RouteSocket.open();
  own = NetworkNamespace.own();
  pod = NetworkNamespace.create();
  sandbox = {
    ...{ podUID: 'p1', podName: 'p1', podNamespace: 'default', sandboxId: 's1' },
    networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
  };
  links = new CreatedLinks(host, hostLinkAccess(own));
  parent = host.createLink({ name: 'port0', kind: { kind: 'veth', peer: { name: 'uplink0' } } }).parent ?? 0;
});
afterEach(() => {
  host.execute(linkDelete({ name: 'port0' }));
  pod.close();
  own.close();
  host.close();
});

function planned() {
  return planPodLink({
    data: { kind: 'macvlan', mode: 'bridge' },
    parent,
    setup: { name: 'lan0', hardwareAddress: '02:00:5e:00:53:01', addresses: ['192.0.2.1/24'], routes: [] },
  });
}

function inPod<T>(work: (socket: RouteSocket) => T): T {
  using socket = RouteSocket.open({ namespace: pod });
  return work(socket);
}

describe('a link that was created in a pod', () => {
  it('is deleted by its index when the pod has changed all that it was known by, and no other of its kind', async () => {
    const plan = planned();
    const { linkIndex = 0 } = await links.createIn(plan, sandbox);
    inPod((socket) => {
      socket.execute(linkSet(linkIndex, { up: false, name: 'mine0', address: '02:00:5e:00:53:02' }));
      socket.createLink({ name: 'lan0', kind: { kind: 'bridge' } });
    });
    await links.deleteFrom(plan.spec, sandbox);
    expect(inPod((socket) => socket.linkIndex('mine0'))).toBe(linkIndex);
    await links.deleteFrom(plan.spec, { ...sandbox, linkIndex });
    expect(inPod((socket) => socket.linkIndex('mine0'))).toBeUndefined();
    expect(inPod((socket) => socket.link({ name: 'lan0' })?.kind)).toBe('bridge');
  });

  it('is wherever its plan is carried out, each time another', async () => {
    const plan = planned();
    const others = [NetworkNamespace.create(), NetworkNamespace.create()];
    try {
      for (const [number, other] of others.entries()) {
        const networkNamespacePath = `/proc/${process.pid}/fd/${other.fd}`;
        const there = { ...sandbox, sandboxId: `s${number}`, networkNamespacePath };
        using socket = RouteSocket.open({ namespace: other });
        // So that the indexes are not the same.
        for (let count = 0; count < number; count++) socket.createLink({ kind: { kind: 'bridge' } });
        const { linkIndex = 0 } = await links.createIn(plan, there);
        expect(socket.linkIndex('lan0')).toBe(linkIndex);
        expect(socket.addresses({ linkIndex }).map(({ address }) => address)).toContain('192.0.2.1/24');
        await links.deleteFrom(plan.spec, { ...there, linkIndex });
      }
    } finally {
      for (const other of others) other.close();
    }
  });
});
