import { backendContract } from '@patchbay/core/testing';
import { linkDelete, linkSet } from '@patchbay/netlink';
import { describe } from 'vitest';
import { macvlanModule } from './macvlan-module.ts';

describe.each(['bridge', 'private', 'vepa', 'passthru'] as const)('mode %s', (mode) => {
  backendContract({
    module: macvlanModule,
    config: { parents: [{ link: 'uplink0', mode }] },
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
    parameters: {
      interface: { name: 'lan0', addresses: ['10.20.1.1/24', '2001:db8:21::1/64'] },
      ...{ routes: [{ destination: '0.0.0.0/0', gateway: '10.20.1.254' }] },
    },
  });
});
