import { CreatedLinks, hostLinkAccess, HostLinks, type JsonObject, type PodSandbox } from '@patchbay/core';
import { linkDelete, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VethAttach } from './veth-attach.ts';
import { type VethConfig, vethConfigSchema } from './veth-config.ts';
import { VethDiscovery } from './veth-discovery.ts';

let host: RouteSocket;
let own: NetworkNamespace;
let pods: NetworkNamespace[];
beforeEach(() => {
  host = RouteSocket.open();
  own = NetworkNamespace.own();
  pods = [NetworkNamespace.create(), NetworkNamespace.create()];
});
afterEach(() => {
  for (const pod of pods) pod.close();
  own.close();
  host.close();
});

function backend(networks: readonly object[]) {
  const config: VethConfig = vethConfigSchema.parse({ networks });
  const hostLinks = new HostLinks(host);
  const attach = new VethAttach(hostLinks, host, new CreatedLinks(host, hostLinkAccess(own)), config);
  const prepare = async (uid: string, addresses: readonly string[]): Promise<JsonObject> => {
    const [device] = await new VethDiscovery(hostLinks, config).list();
    if (device === undefined) throw new Error('no device');
    const claim = { uid, namespace: 'default', name: uid };
    const setup = { name: 'blue0', addresses, routes: [] };
    const request = { claim, request: 'net', device, interface: setup, parameters: {} };
    return attach.prepare(request, new AbortController().signal);
  };
  return { attach, prepare };
}

function sandbox(index: number): PodSandbox {
  return {
    podUID: `pod-${index}`,
    podName: `pod-${index}`,
    podNamespace: 'default',
    sandboxId: `sandbox-${index}`,
    networkNamespacePath: `/proc/${process.pid}/fd/${pods[index]?.fd}`,
  };
}

describe('a bridged pair', () => {
  const network = { name: 'blue', mode: 'bridge', bridge: 'br-blue' };

  it('joins the bridge of the name also when it was made anew since the claim was prepared', async () => {
    host.createLink({ name: 'br-blue', up: true, kind: { kind: 'bridge' } });
    const { attach, prepare } = backend([network]);
    const prepared = await prepare('claim-a', ['10.20.0.1/24']);
    host.execute(linkDelete({ name: 'br-blue' }));
    const anew = host.createLink({ name: 'br-blue', up: true, kind: { kind: 'bridge' } });
    await attach.attach(prepared, sandbox(0));
    expect(host.links().filter(({ master }) => master === anew.index)).toHaveLength(1);
    await attach.detach(prepared, sandbox(0));

    host.execute(linkDelete({ name: 'br-blue' }));
    await expect(attach.attach(prepared, sandbox(0))).rejects.toThrow(/no such bridge on the host any more/);
  });
});

describe('a routed pair', () => {
  it('is refused an address to which the host has a route already, and leaves that route alone', async () => {
    const { attach, prepare } = backend([{ name: 'edge', mode: 'routed' }]);
    const first = await prepare('claim-a', ['10.20.3.1/24']);
    const second = await prepare('claim-b', ['10.20.3.1/24']);
    await attach.attach(first, sandbox(0));
    const route = () => host.routes().filter(({ destination }) => destination === '10.20.3.1/32');
    const before = route();
    await expect(attach.attach(second, sandbox(1))).rejects.toThrow(
      /the node has a route to 10\.20\.3\.1\/32 over pb[0-9a-f]+ already/,
    );
    await attach.detach(second, sandbox(1));
    expect(route()).toEqual(before);
    await attach.detach(first, sandbox(0));
    expect(route()).toEqual([]);
  });

  it('forwards for its pod', async () => {
    const { attach, prepare } = backend([{ name: 'edge', mode: 'routed' }]);
    const prepared = await prepare('claim-a', ['10.20.3.1/24']);
    await attach.attach(prepared, sandbox(0));
    const hostEnd = host.links().find(({ name }) => /^pb[0-9a-f]{13}$/.test(name));
    expect(host.ipv4Configuration(hostEnd?.index ?? 0)?.forwarding).toBe(1);
    await attach.detach(prepared, sandbox(0));
  });
});
