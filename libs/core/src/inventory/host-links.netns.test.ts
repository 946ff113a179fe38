import {
  addressAdd,
  linkAddAltname,
  linkDelete,
  linkSet,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HostLinks, type HostNetlink } from './host-links.ts';

const address = '192.0.2.7/24';

let host: NetworkNamespace;
let pod: NetworkNamespace;
let socket: RouteSocket;
let stopping: AbortController;
const onChange = vi.fn();

beforeEach(() => {
  [host, pod] = [NetworkNamespace.create(), NetworkNamespace.create()];
  socket = RouteSocket.open({ namespace: host });
  stopping = new AbortController();
  onChange.mockReset();
});
afterEach(() => {
  stopping.abort();
  socket.close();
  host.close();
  pod.close();
});

/** The links of the host, watched by a backend that means some of them, and looked at once. */
async function watched(meant: readonly string[] = [], netlink: HostNetlink = socket): Promise<HostLinks> {
  const links = new HostLinks(netlink);
  host.run(() => links.watch(onChange, stopping.signal, meant));
  await links.state();
  return links;
}

/** Makes the pair of a pod's link; returns the index of the host's end. */
function podPair(): number {
  const peer = { name: 'eth0', namespace: pod };
  const { index } = socket.createLink({ name: 'veth12ab', kind: { kind: 'veth', peer } });
  socket.execute(linkSet(index, { up: true }), addressAdd({ linkIndex: index, address: '169.254.1.1/32' }));
  return index;
}

const told = () => vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());

describe('watching the host’s links', () => {
  it('does not tell of the links of pods but when they go', async () => {
    const links = await watched();
    const before = await links.state();
    const index = podPair();
    expect(await links.state()).toBe(before);
    expect(onChange).not.toHaveBeenCalled();
    socket.execute(linkDelete({ index }));
    await told();
    expect(await links.state()).not.toBe(before);
  });

  it('shows them with the next look', async () => {
    const links = await watched();
    const index = podPair();
    socket.createLink({ name: 'nic0', kind: { kind: 'veth' } });
    await told();
    const { wiring } = await links.state();
    expect(wiring.get(index)).toBe("is the host's end of a pod's link");
  });

  it.each([
    ['its name', 'uplink'],
    ['an altname', 'a-long-name-for-the-uplink'],
  ])('tells of one that is meant by %s, before it is there and since', async (_how, meant) => {
    const links = await watched([meant]);
    const peer = { name: 'eth0', namespace: pod };
    const { index } = socket.createLink({ name: 'uplink', kind: { kind: 'veth', peer } });
    if (meant !== 'uplink') socket.execute(linkAddAltname(index, [meant]));
    await told();
    await links.state();
    onChange.mockReset();
    socket.execute(linkSet(index, { mtu: 1400 }));
    await told();
    const state = await links.state();
    expect(state.links.find((link) => link.index === index)).toMatchObject({ mtu: 1400 });
  });

  it('leaves the links of pods out again once all that is meant is there and none of them', async () => {
    const links = await watched(['nic0']);
    podPair();
    await told();
    socket.createLink({ name: 'nic0', kind: { kind: 'veth' } });
    await links.state();
    onChange.mockReset();
    using second = NetworkNamespace.create();
    socket.createLink({
      name: 'veth34cd',
      kind: { kind: 'veth', peer: { name: 'eth0', namespace: second } },
    });
    await links.state();
    expect(onChange).not.toHaveBeenCalled();
  });

  it('misses no address of a link that came while it looked', async () => {
    let whileLooking = () => {};
    const links = await watched([], {
      linksAsync: () => socket.linksAsync(),
      addressesAsync: () => socket.addressesAsync(),
      routesAsync: async (filter) => {
        const routes = await socket.routesAsync(filter);
        whileLooking();
        return routes;
      },
      nexthopObjects: () => socket.nexthopObjects(),
    });
    const { index } = socket.createLink({ name: 'nic0', kind: { kind: 'veth' } });
    whileLooking = () => {
      whileLooking = () => {};
      socket.execute(addressAdd({ linkIndex: index, address }));
    };
    const { addresses } = await links.state();
    expect(addresses.get(index)).toEqual([expect.objectContaining({ address })]);
  });
});
