import { backendContract } from '@patchbay/core/testing';
import { addressAdd, linkAddAltname, linkDelete, linkSet, routeAdd } from '@patchbay/netlink';
import { hostdevModule } from './hostdev-module.ts';

backendContract({
  module: hostdevModule,
  config: { links: [{ name: 'nic0' }] },
  setUp(host) {
    const port = host.createLink({
      name: 'port0',
      up: true,
      kind: { kind: 'veth', peer: { name: 'nic0', mtu: 4000 } },
    });
    const index = port.parent ?? 0;
    host.execute(
      linkSet(index, { up: true, alias: 'left card', txQueueLength: 500 }),
      linkAddAltname(index, ['card-left', 'enp1s0']),
      addressAdd({ linkIndex: index, address: '198.51.100.10/24' }),
      addressAdd({ linkIndex: index, address: '2001:db8::10/64' }),
      routeAdd({ linkIndex: index, destination: '203.0.113.0/24', gateway: '198.51.100.1', metric: 50 }),
      routeAdd({ linkIndex: index, destination: '2001:db8:1::/48', gateway: '2001:db8::1' }),
    );
  },
  tearDown(host) {
    host.execute(linkDelete({ name: 'port0' }));
  },
  parameters: {
    interface: {
      name: 'fast0',
      addresses: ['10.20.0.1/24', '2001:db8:20::1/64'],
      ...{ mtu: 3000, hardwareAddress: '02:00:5e:00:53:01' },
    },
    ...{ routes: [{ destination: '10.99.0.0/16', gateway: '10.20.0.254' }] },
  },
});
