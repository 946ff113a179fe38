import { closeSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressAdd,
  addressDelete,
  EthtoolSocket,
  linkAddAltname,
  linkSet,
  NamespaceSysctls,
  neighbourAdd,
  nexthopObjectAdd,
  routeAdd,
  routeDelete,
} from '@patchbay/netlink';
import { attachTcx, loadProgram } from '@patchbay/netlink/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClaimJournal } from '../../attachments/claim-journal.ts';
import { ClaimLedger } from '../../attachments/claim-ledger.ts';
import type { ClaimRecord } from '../../attachments/claim-record.ts';
import { silentLogger } from '../../logging/logger.ts';
import { CrashPlan, SimulatedCrash } from '../../testing/crashing-socket.ts';
import { hostConfiguration } from '../../testing/host-configuration.ts';
import { HostLinkRig, podSetup } from '../../testing/host-link-rig.ts';
import type { LinkSnapshot } from './link-snapshot.ts';

let rig: HostLinkRig;
beforeEach(() => {
  rig = new HostLinkRig();
});
afterEach(() => rig[Symbol.dispose]());

describe('restoring', () => {
  it.each(['before', 'after'] as const)(
    'is completed by another process after a crash %s any change',
    async (when) => {
      const linkIndex = rig.nic;
      using ethtool = EthtoolSocket.open();
      await ethtool.setFeatures(linkIndex, { 'tx-generic-segmentation': false });
      new NamespaceSysctls().write([{ path: 'ipv4/conf/nic0/arp_ignore', value: '2' }]);
      rig.configure(
        linkSet(linkIndex, { mtu: 1400, alias: 'left card', promiscuous: true }),
        linkAddAltname(linkIndex, ['left-card']),
        addressAdd({ linkIndex, address: '198.51.100.10/24' }),
        addressAdd({ linkIndex, address: '2001:db8::10/64' }),
        routeDelete({ linkIndex, destination: '198.51.100.0/24' }),
        routeAdd({ linkIndex, destination: '198.51.100.1/32', scope: 'link' }),
        nexthopObjectAdd({ family: 4, protocol: 4, id: 5, linkIndex, gateway: '198.51.100.1' }),
        routeAdd({ destination: '10.1.0.0/16', nexthopId: 5 }),
        neighbourAdd({ linkIndex, address: '198.51.100.1', linkAddress: '02:00:00:00:00:01' }),
      );
      const before = await rig.settled();
      const taken = await rig.snapshot();
      let changes = 0;
      for (let crashed = true; crashed; changes++) {
        const { linkIndex: inside = 0 } = await rig.links.moveIn(taken, podSetup, rig.sandbox);
        const program = loadProgram();
        rig.inPod((socket) => {
          socket.execute(linkSet(inside, { alias: 'mine', promiscuous: false, mtu: 2000 }));
          socket.createLink({ name: 'upper0', parent: inside, kind: { kind: 'macvlan', mode: 'bridge' } });
        });
        attachTcx(rig.pod, inside, program, 'egress');
        closeSync(program);
        const plan = new CrashPlan(changes, when);
        await rig
          .driver(plan)
          .moveOut(taken, podSetup, rig.sandbox)
          .catch((error: unknown) => {
            if (!(error instanceof SimulatedCrash)) throw error;
          });
        crashed = plan.crashed;
        await rig.links.moveOut(taken, podSetup, rig.sandbox);
        await rig.expectConfiguration(before);
      }
      expect(changes).toBeGreaterThan(9);
      expect(rig.warnings).toEqual([]);
    },
  );

  it('leaves out what has ended meanwhile', async () => {
    const linkIndex = rig.nic;
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24', validLifetime: 1000 }),
      addressAdd({ linkIndex, address: '198.51.101.10/24', validLifetime: 5000, preferredLifetime: 2000 }),
      routeAdd({ linkIndex, destination: '2001:db8:1::/48', expires: 1000 }),
      routeAdd({ linkIndex, destination: '2001:db8:2::/48', expires: 5000 }),
    );
    const taken = await rig.snapshot();
    const later: LinkSnapshot = { ...taken, takenAt: (taken.takenAt ?? 0) - 3000 };
    await rig.links.moveIn(later, podSetup, rig.sandbox);
    await rig.links.moveOut(later, podSetup, rig.sandbox);
    const [address, ...others] = rig.host.addresses({ linkIndex: rig.nic, family: 4 });
    expect(others).toEqual([]);
    expect(address).toMatchObject({ address: '198.51.101.10/24', preferredLifetime: 0 });
    expect(address?.validLifetime).toBeGreaterThan(1900);
    expect(address?.validLifetime).toBeLessThanOrEqual(2000);
    const ending = rig.host.routes({ linkIndex: rig.nic }).filter(({ expires }) => expires !== undefined);
    expect(ending.map(({ destination }) => destination)).toEqual(['2001:db8:2::/48']);
  });

  it('brings back all but what the host refuses, and says what that is', async () => {
    const linkIndex = rig.nic;
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      routeAdd({ linkIndex, destination: '10.1.0.0/16', gateway: '198.51.100.1' }),
      routeAdd({ linkIndex, destination: '10.2.0.0/16', gateway: '198.51.100.1' }),
      neighbourAdd({ linkIndex, address: '198.51.100.1', linkAddress: '02:00:00:00:00:01' }),
    );
    const taken = await rig.snapshot();
    await rig.links.moveIn(taken, podSetup, rig.sandbox);
    const other = rig.named('other0').index;
    rig.host.execute(routeAdd({ linkIndex: other, destination: '10.1.0.0/16', gateway: '192.0.2.1' }));
    await rig.links.moveOut(
      { ...taken, mtu: 40, sysctls: { 'ipv4/conf': { no_such: '1', arp_ignore: '1' } } },
      podSetup,
      rig.sandbox,
    );
    expect(rig.warnings).toMatchObject([
      { link: 'nic0', what: 'MTU 40', error: expect.stringContaining('EINVAL') as string },
      { link: 'nic0', what: 'setting net/ipv4/conf/nic0/no_such' },
      { what: 'route 10.1.0.0/16 via 198.51.100.1', error: 'somebody else on the host has it meanwhile' },
    ]);
    expect(
      rig.host.routes({ linkIndex: rig.nic }).some(({ destination }) => destination === '10.2.0.0/16'),
    ).toBe(true);
    expect(
      rig.host.neighbours({ linkIndex: rig.nic }).some(({ address }) => address === '198.51.100.1'),
    ).toBe(true);
    expect(new NamespaceSysctls().read(['ipv4/conf/nic0/arp_ignore'])).toEqual({
      'ipv4/conf/nic0/arp_ignore': '1',
    });
    rig.host.execute(routeDelete({ destination: '10.1.0.0/16' }));
  });

  it('changes nothing after a reboot, which made the link anew: neither by a journal that outlived it, nor by its snapshot', async () => {
    rig.configure(addressAdd({ linkIndex: rig.nic, address: '198.51.100.10/24' }));
    const taken = { ...(await rig.snapshot()), bootId: 'of the boot before' };
    const directory = mkdtempSync(join(tmpdir(), 'journal-'));
    const claim = { uid: 'claim-uid', namespace: 'default', name: 'claim' };
    const device = { name: 'nic0', identity: `link/${rig.nic}/`, links: [rig.nic], attributes: {} };
    new ClaimJournal(directory, silentLogger).write({
      ...{ version: 1, bootId: taken.bootId, claim, podUIDs: ['pod-uid'] },
      attachments: [{ phase: 'attached', sandbox: rig.sandbox }],
      devices: [
        {
          ...{ request: 'net', pool: 'node', kind: 'hostdev', device, interfaceName: 'fast0' },
          ...{ adminAccess: false, prepared: { snapshot: taken, setup: podSetup } },
        },
      ],
    } as unknown as ClaimRecord);
    rig.host.execute(
      linkSet(rig.nic, { up: false, mtu: 1300, alias: 'made anew' }),
      addressDelete({ linkIndex: rig.nic, address: '198.51.100.10/24' }),
    );
    const before = await rig.settled();
    const ledger = new ClaimLedger(new ClaimJournal(directory, silentLogger));
    const now = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(ledger.load(now).map((record) => record.claim.uid)).toEqual(['claim-uid']);
    expect(ledger.all()).toEqual([]);
    await rig.links.moveOut(taken, podSetup, rig.sandbox);
    expect(await hostConfiguration()).toEqual(before);
    expect(rig.warnings).toEqual([{ link: 'nic0' }]);
    rmSync(directory, { recursive: true });
  });

  it('changes nothing of a link that never left, as somebody on the host has changed it since', async () => {
    rig.configure(
      addressAdd({ linkIndex: rig.nic, address: '198.51.100.10/24' }),
      routeAdd({ linkIndex: rig.nic, destination: '10.1.0.0/16', gateway: '198.51.100.1' }),
    );
    await rig.settle();
    const taken = await rig.snapshot();
    rig.host.execute(
      addressAdd({ linkIndex: rig.nic, address: '198.51.101.10/24' }),
      routeDelete({ linkIndex: rig.nic, destination: '10.1.0.0/16' }),
      routeDelete({ linkIndex: rig.nic, destination: '198.51.101.0/24' }),
    );
    new NamespaceSysctls().write([{ path: 'ipv4/conf/nic0/arp_ignore', value: '1' }]);
    const before = await rig.settled();
    await rig.links.moveOut(taken, podSetup, rig.sandbox);
    expect(await hostConfiguration()).toEqual(before);
  });
});
