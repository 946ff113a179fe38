import { backendContract } from '@patchbay/core/testing';
import { linkDelete } from '@patchbay/netlink';
import { describe } from 'vitest';
import { vethModule } from './veth-module.ts';

describe('bridged', () => {
  backendContract({
    module: vethModule,
    config: { networks: [{ name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 4 }] },
    setUp(host) {
      host.createLink({ name: 'br-blue', up: true, address: '02:00:5e:00:53:ff', kind: { kind: 'bridge' } });
    },
    tearDown(host) {
      host.execute(linkDelete({ name: 'br-blue' }));
    },
    parameters: {
      interface: { name: 'blue0', addresses: ['10.20.2.1/24', '2001:db8:22::1/64'], ...{ mtu: 1400 } },
      ...{ routes: [{ destination: '10.99.0.0/16', gateway: '10.20.2.254' }] },
    },
  });
});

describe('routed', () => {
  backendContract({
    module: vethModule,
    config: { networks: [{ name: 'routed', mode: 'routed', devices: 4 }] },
    setUp() {},
    tearDown() {},
    parameters: { interface: { name: 'far0', addresses: ['10.20.3.1/24', '10.20.4.1/32'] } },
  });
});
