import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressAdd,
  addressFlags,
  linkSet,
  NamespacePrograms,
  neighbourAdd,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';
import { attachTcx, loadProgram, withNamespaces } from '@patchbay/netlink/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NamespacePins } from '../links/namespace-pins.ts';
import { MovedLinks } from '../links/moved-links.ts';
import { silentLogger } from '../logging/logger.ts';
import { hostState } from '../testing/host-state.ts';
import { inheritedSetup } from './inherited-setup.ts';
import { InterfaceParameters } from './interface-parameters.ts';

let state = '';
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'interfaces-'));
});
afterEach(() => rmSync(state, { recursive: true }));

const document = {
  apiVersion: 'patchbay.dev/v1alpha1',
  kind: 'InterfaceConfig',
  interface: {
    name: 'fast0',
    inherit: true,
    mtu: 1400,
    hardwareAddress: '02:00:5e:00:53:01',
    txQueueLength: 77,
    gsoMaxSize: 20_000,
    groIPv4MaxSize: 20_000,
    promiscuous: true,
    allMulticast: true,
    forwarding: true,
    sysctls: {
      'net.ipv4.conf.IFNAME.arp_ignore': 2,
      'net.ipv6.conf.IFNAME.accept_ra': 2,
      'net.ipv4.neigh.IFNAME.ucast_solicit': 7,
    },
    ethtool: { features: { 'tx-tcp-segmentation': false, 'rx-gro': false } },
    detachEBPF: true,
  },
  rules: [{ source: '192.0.2.10/32', table: 100 }],
};

it('a host link takes what it had to the pod, gets all that a claim asks for, and comes back as it was', () =>
  withNamespaces(async ([hostNamespace, pod, other]) => {
    using host = RouteSocket.open({ namespace: hostNamespace });
    using inPod = RouteSocket.open({ namespace: pod });
    const { index: linkIndex } = host.createLink({
      name: 'card0',
      kind: { kind: 'veth', peer: { name: 'switch0', namespace: other } },
    });
    using outside = RouteSocket.open({ namespace: other });
    outside.execute(linkSet(outside.link({ name: 'switch0' })?.index ?? 0, { up: true }));
    host.execute(
      linkSet(linkIndex, { up: true }),
      addressAdd({ linkIndex, address: '192.0.2.10/24' }),
      addressAdd({ linkIndex, address: '2001:db8::10/64', flags: addressFlags.nodad }),
      routeAdd({ linkIndex, destination: '198.51.100.0/24', gateway: '192.0.2.1', metric: 7 }),
      neighbourAdd({ linkIndex, address: '192.0.2.1', linkAddress: '02:00:00:00:00:01' }),
    );
    const program = loadProgram();
    attachTcx(hostNamespace, linkIndex, program, 'ingress');
    const pins = new NamespacePins(join(state, 'namespaces'));
    const links = new MovedLinks(host, hostNamespace, pins, silentLogger);
    const before = hostState(host);
    const sandbox = {
      ...{ podUID: 'pod', podName: 'pod', podNamespace: 'default', sandboxId: 'sandbox' },
      networkNamespacePath: pod.path,
    };

    const asked = new InterfaceParameters(new Map()).resolve(
      [{ source: 'FromClaim', parameters: document }],
      '',
      'fast0',
    ).interface;
    const link = host.link({ name: 'card0' })!;
    await links.assertCanMove(link, asked);
    const snapshot = await links.snapshot(link);
    const setup = inheritedSetup(asked, snapshot);
    await links.moveIn(snapshot, setup, sandbox);
    await links.moveIn(snapshot, setup, sandbox);

    const moved = inPod.link({ name: 'fast0' })!;
    expect(moved).toMatchObject({
      up: true,
      mtu: 1400,
      address: '02:00:5e:00:53:01',
      txQueueLength: 77,
      gsoMaxSize: 20_000,
      groIpv4MaxSize: 20_000,
      promiscuity: 1,
      allMulticast: 1,
    });
    const global = inPod.addresses({ linkIndex: moved.index }).filter(({ scope }) => scope === 'global');
    expect(global.map(({ address }) => address)).toEqual(['192.0.2.10/24', '2001:db8::10/64']);
    expect(inPod.routes({ linkIndex: moved.index, table: 254 })).toContainEqual(
      expect.objectContaining({ destination: '198.51.100.0/24', gateway: '192.0.2.1', metric: 7 }),
    );
    expect(inPod.neighbours({ linkIndex: moved.index })).toContainEqual(
      expect.objectContaining({ address: '192.0.2.1', linkAddress: '02:00:00:00:00:01' }),
    );
    expect(new NamespacePrograms(pod).tcxPrograms(moved.index)).toEqual([]);

    await links.moveOut(snapshot, setup, sandbox);
    await links.moveOut(snapshot, setup, sandbox);
    expect(hostState(host)).toBe(before);
    // eBPF programs are their owners' to bring back.
    expect(await links.snapshot(host.link({ name: 'card0' })!)).toEqual({ ...snapshot, tcxPrograms: [] });
    expect(inPod.rules().filter(({ protocol }) => protocol === 80)).toEqual([]);
    closeSync(program);
  }));
