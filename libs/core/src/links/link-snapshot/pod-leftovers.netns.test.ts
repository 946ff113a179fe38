import { closeSync } from 'node:fs';
import {
  addressAdd,
  linkAddAltname,
  linkSet,
  NamespacePrograms,
  neighbourAdd,
  neighbourFlags,
  routeAdd,
} from '@patchbay/netlink';
import { addFilter, attachTcx, attachXdp, loadProgram } from '@patchbay/netlink/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostLinkRig } from '../../testing/host-link-rig.ts';

let rig: HostLinkRig;
beforeEach(() => {
  rig = new HostLinkRig();
});
afterEach(() => rig[Symbol.dispose]());

describe('what a pod left on a host link', () => {
  it('does not reach the host', async () => {
    rig.configure(addressAdd({ linkIndex: rig.nic, address: '198.51.100.10/24' }));
    await rig.expectRestored((linkIndex) =>
      rig.inPod((socket) => {
        const bridge = socket.createLink({ name: 'br1', up: true, kind: { kind: 'bridge' } });
        socket.execute(
          addressAdd({ linkIndex, address: '10.66.0.1/24' }),
          routeAdd({ linkIndex, destination: '10.67.0.0/16', gateway: '10.66.0.2' }),
          neighbourAdd({ linkIndex, address: '10.66.0.3', linkAddress: '02:00:00:00:00:03' }),
          neighbourAdd({ linkIndex, address: '10.66.0.4', flags: neighbourFlags.proxy }),
          linkAddAltname(linkIndex, ['mine', 'other-name']),
          linkSet(linkIndex, { alias: 'mine', promiscuous: true, allMulticast: true, txQueueLength: 5 }),
          linkSet(linkIndex, { gsoMaxSize: 20_000, groMaxSize: 20_000, group: 3, mtu: 9000 }),
          linkSet(linkIndex, { up: false }),
          linkSet(linkIndex, { name: 'renamed', address: '02:00:5e:00:53:78' }),
          linkSet(linkIndex, { master: bridge.index, up: true }),
        );
      }),
    );
  });

  it.each(['macvlan', 'bridge'])('goes with it: a link of kind macvlan on it, inside a %s', async (where) => {
    rig.configure();
    await rig.expectRestored((linkIndex) => {
      rig.inPod((socket) => {
        const upper = socket.createLink({
          ...{ name: 'upper0', parent: linkIndex },
          kind: { kind: 'macvlan', mode: 'bridge' },
        });
        if (where === 'bridge') {
          const bridge = socket.createLink({ name: 'br1', kind: { kind: 'bridge' } });
          socket.execute(linkSet(upper.index, { master: bridge.index }));
        }
      });
    });
    expect(rig.inPod((socket) => socket.link({ name: 'upper0' }))).toBeUndefined();
  });

  it('does not hide a veth link whose every name, mark and address it has changed', async () => {
    rig.configure();
    await rig.expectRestored((linkIndex) =>
      rig.inPod((socket) =>
        socket.execute(
          linkSet(linkIndex, { up: false }),
          linkSet(linkIndex, { alias: 'mine', name: 'mine0', address: '02:00:5e:00:53:79' }),
        ),
      ),
    );
  });

  it.each(['driver', 'generic'] as const)(
    'goes with it: eBPF programs of XDP (%s), TCX and traffic control',
    async (mode) => {
      rig.configure();
      const programs = new NamespacePrograms(rig.own);
      const hosts = loadProgram();
      attachTcx(rig.own, rig.nic, hosts, 'ingress');
      const before = programs.tcxPrograms(rig.nic);
      const [xdp, tc] = [loadProgram('xdp'), loadProgram()];
      await rig.expectRestored((linkIndex) =>
        rig.inPod((socket) => {
          attachXdp(socket, linkIndex, xdp, mode);
          attachTcx(rig.pod, linkIndex, tc, 'egress');
          addFilter(socket, linkIndex, tc, 'ingress');
        }),
      );
      for (const program of [hosts, xdp, tc]) closeSync(program);
      expect(rig.named('nic0').xdp).toBeUndefined();
      expect(programs.tcxPrograms(rig.nic)).toEqual(before);
      expect(before).toHaveLength(1);
      expect(rig.host.filters(rig.nic)).toEqual([]);
    },
  );
});
