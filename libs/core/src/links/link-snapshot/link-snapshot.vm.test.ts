import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressAdd,
  addressDelete,
  EthtoolSocket,
  linkAddAltname,
  linkDeleteAltname,
  linkSet,
  NamespaceSysctls,
  neighbourAdd,
  NetworkNamespace,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';
import { attachTcx, attachXdp, loadProgram } from '@patchbay/netlink/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InterfaceSetup } from '../../interfaces/interface-setup.ts';
import { type Logger, silentLogger } from '../../logging/logger.ts';
import { hostConfiguration } from '../../testing/host-configuration.ts';
import { NamespacePins } from '../namespace-pins.ts';
import { MovedLinks } from '../moved-links.ts';
import type { LinkSnapshot } from './link-snapshot.ts';

const card = 'eth0';
const setup: InterfaceSetup = { name: 'fast0', addresses: ['10.20.0.1/24'], routes: [], mtu: 3000 };

execFileSync('modprobe', ['-a', 'igb', '8021q']);

describe('network hardware that was in a pod', () => {
  let host: RouteSocket;
  let own: NetworkNamespace;
  let pod: NetworkNamespace;
  let ethtool: EthtoolSocket;
  let state: string;
  let warnings: object[];
  let links: MovedLinks;
  let before: object;
  let taken: LinkSnapshot;

  /** The card as an administrator set it up; then its snapshot is taken. */
  beforeEach(async () => {
    host = RouteSocket.open();
    own = NetworkNamespace.own();
    pod = NetworkNamespace.create();
    ethtool = EthtoolSocket.open();
    state = mkdtempSync(join(tmpdir(), 'link-snapshot-'));
    warnings = [];
    const logger: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
    links = new MovedLinks(host, own, new NamespacePins(state), logger);
    const { index, up } = cardLink();
    if (up) host.execute(linkSet(index, { up: false }));
    await ethtool.setPrivateFlags(index, { 'legacy-rx': true });
    await ethtool.setFeatures(index, {
      'tx-tcp-segmentation': false,
      'rx-vlan-filter': true,
      'rx-all': true,
    });
    new NamespaceSysctls().write(
      Object.entries({
        ...{ 'ipv6/conf/eth0/accept_dad': '0', 'ipv6/conf/eth0/accept_ra': '0' },
        ...{ 'ipv4/conf/eth0/arp_ignore': '1', 'ipv4/neigh/eth0/ucast_solicit': '7' },
      }).map(([path, value]) => ({ path, value })),
    );
    host.execute(
      linkSet(index, {
        mtu: 4000,
        alias: 'left card',
        txQueueLength: 500,
        gsoMaxSize: 32_000,
        promiscuous: true,
      }),
      linkSet(index, { address: '52:54:00:aa:00:99', up: true }),
      linkAddAltname(index, ['card-left', 'enp1s0']),
      addressAdd({ linkIndex: index, address: '198.51.100.10/24', label: 'eth0:a' }),
      addressAdd({ linkIndex: index, address: '2001:db8::10/64' }),
      addressAdd({ linkIndex: index, address: 'fe80::1234/64' }),
      routeAdd({
        linkIndex: index,
        destination: '203.0.113.0/24',
        gateway: '198.51.100.1',
        metric: 50,
        table: 7,
      }),
      routeAdd({ linkIndex: index, destination: '2001:db8:1::/48', gateway: '2001:db8::1' }),
      neighbourAdd({ linkIndex: index, address: '198.51.100.1', linkAddress: '02:00:00:00:00:01' }),
    );
    await vi.waitFor(() => expect(cardLink().operState).toBe('up'), { timeout: 30_000, interval: 100 });
    before = await hostConfiguration();
    taken = JSON.parse(JSON.stringify(await links.snapshot(cardLink()))) as LinkSnapshot;
    expect(taken).toMatchObject({
      privateFlags: { 'legacy-rx': true },
      features: { 'tx-tcp-segmentation': false, 'rx-all': true },
    });
    await links.moveIn(taken, setup, sandbox());
  }, 60_000);

  afterEach(async () => {
    pod.close();
    const { index, permanentAddress = '', altnames } = cardLink();
    for (const { address } of host.addresses({ linkIndex: index }))
      host.execute(addressDelete({ linkIndex: index, address }));
    host.execute(
      linkSet(index, { up: false, mtu: 1500, alias: '', txQueueLength: 1000, promiscuous: false }),
    );
    host.execute(
      linkSet(index, { address: permanentAddress, gsoMaxSize: 65_536 }),
      linkDeleteAltname(index, altnames),
    );
    await ethtool.setPrivateFlags(index, { 'legacy-rx': false });
    await ethtool.setFeatures(index, { 'tx-tcp-segmentation': true, 'rx-all': false });
    for (const closable of [ethtool, own, host]) closable.close();
    rmSync(state, { recursive: true });
  }, 60_000);

  function cardLink() {
    const link = host.link({ name: card });
    if (link === undefined) throw new Error('the card is not on the host');
    return link;
  }

  function sandbox() {
    return {
      ...{ podUID: 'pod-uid', podName: 'pod', podNamespace: 'default', sandboxId: 'sandbox' },
      networkNamespacePath: pod.path,
    };
  }

  /** The pod makes of the card what it likes. */
  async function vandalise(): Promise<void> {
    using socket = RouteSocket.open({ namespace: pod });
    using inside = EthtoolSocket.open({ namespace: pod });
    const index = socket.link({ name: 'fast0' })?.index ?? 0;
    const [xdp, tc] = [loadProgram('xdp'), loadProgram()];
    attachTcx(pod, index, tc, 'egress');
    attachXdp(socket, index, xdp, 'generic');
    await inside.setPrivateFlags(index, { 'legacy-rx': false });
    await inside.setFeatures(index, { 'tx-tcp-segmentation': true, 'rx-all': false, 'rx-gro': false });
    socket.createLink({ name: 'vlan7', parent: index, up: true, kind: { kind: 'vlan', id: 7 } });
    socket.execute(
      linkSet(index, { up: false }),
      linkSet(index, { name: 'mine0', address: '02:00:5e:00:53:09', mtu: 2000, alias: 'mine' }),
      linkSet(index, {
        promiscuous: false,
        allMulticast: true,
        txQueueLength: 1,
        gsoMaxSize: 9000,
        group: 3,
      }),
      linkAddAltname(index, ['mine-too']),
    );
  }

  it('is as it was, offloads and private flags of its driver included, whatever the pod made of it', async () => {
    await vandalise();
    await links.moveOut(taken, setup, sandbox());
    await vi.waitFor(async () => expect(await hostConfiguration()).toEqual(before), {
      ...{ timeout: 30_000, interval: 200 },
    });
    expect(warnings).toEqual([]);
    using socket = RouteSocket.open({ namespace: pod });
    expect(socket.link({ name: 'vlan7' })).toBeUndefined();
  });

  it('is as it was after its namespace died with it inside', async () => {
    await vandalise();
    pod.close();
    await vi.waitFor(() => expect(host.link({ name: 'mine0' })).toBeDefined(), { timeout: 30_000 });
    await links.moveOut(taken, setup, { ...sandbox(), networkNamespacePath: '/run/netns/gone' });
    await vi.waitFor(async () => expect(await hostConfiguration()).toEqual(before), {
      ...{ timeout: 30_000, interval: 200 },
    });
    expect(warnings).toEqual([]);
  });
});
