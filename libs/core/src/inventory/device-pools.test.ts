import { expect, it } from 'vitest';
import { devicePools } from './device-pools.ts';

it("makes a pool for each backend, also an empty one, without what is the driver's own", () => {
  const device = {
    ...{ name: 'blue-0', identity: 'veth/blue-0', links: [3], interfaceName: 'blue' },
    attributes: { 'patchbay.dev/mode': { string: 'bridge' } },
    capacity: { 'patchbay.dev/bandwidth': { value: '1000' } },
  };
  const devices = [
    { kind: 'veth', devices: [device] },
    { kind: 'hostdev', devices: [] },
  ];
  expect(devicePools('worker-1', devices)).toEqual([
    {
      name: 'worker-1/veth',
      devices: [
        {
          name: 'blue-0',
          attributes: {
            'patchbay.dev/mode': { string: 'bridge' },
            'patchbay.dev/backend': { string: 'veth' },
          },
          capacity: { 'patchbay.dev/bandwidth': { value: '1000' } },
        },
      ],
    },
    { name: 'worker-1/hostdev', devices: [] },
  ]);
});
