import { backendContract } from '@patchbay/core/testing';
import { linkDelete, linkSet } from '@patchbay/netlink';
import { describe } from 'vitest';
import { macvlanModule } from './macvlan-module.ts';

/** What macvlan links are made on. */
const uplink: Pick<Parameters<typeof backendContract>[0], 'setUp' | 'tearDown'> = {
  setUp(host) {
    const port = host.createLink({
      name: 'port0',
      up: true,
      kind: { kind: 'veth', peer: { name: 'uplink0' } },
    });
    host.execute(linkSet(port.parent ?? 0, { up: true }));
  },
  tearDown(host) {
    host.execute(linkDelete({ name: 'port0' }));
  },
};
const addresses = ['10.20.1.1/24', '2001:db8:21::1/64'];
const route = { destination: '0.0.0.0/0', gateway: '10.20.1.254' };

describe.each(['bridge', 'private', 'vepa', 'passthru'] as const)('mode %s', (mode) => {
  backendContract({
    module: macvlanModule,
    config: { parents: [{ link: 'uplink0', mode }] },
    ...uplink,
    parameters: { interface: { name: 'lan0', addresses }, ...{ routes: [route] } },
  });
});

describe('with all that interfaces can have', () => {
  backendContract({
    ...uplink,
    module: macvlanModule,
    config: { parents: [{ link: 'uplink0' }] },
    parameters: {
      interface: {
        ...{ name: 'lan0', addresses },
        ...{ txQueueLength: 700, sysctls: { 'net.ipv6.conf.IFNAME.accept_ra': 0 }, detachEBPF: true },
        ...{ ethtool: { features: { 'rx-gro': false } } },
      },
      ...{ routes: [{ ...route, override: true }] },
      ...{
        rules: [
          { source: '10.20.1.1/32', table: 100 },
          { table: 100, family: 'ipv6', fwmark: 1 },
        ],
      },
      ...{ neighbours: [{ address: '10.20.1.254', hardwareAddress: '02:00:5e:00:53:fe' }] },
    },
  });
});
