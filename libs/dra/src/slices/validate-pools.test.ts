import { describe, expect, it } from 'vitest';
import type { Device } from './device.ts';
import { validatePools } from './validate-pools.ts';

function validate(device: Partial<Device>) {
  const { pools, problems } = validatePools([
    { name: 'worker', devices: [{ name: 'd', attributes: {}, ...device }] },
  ]);
  return { device: pools[0]?.devices[0], problems: problems.map(({ message }) => message) };
}

describe('validatePools', () => {
  it('passes everything that the API server accepts', () => {
    const device: Device = {
      name: 'eth0',
      attributes: {
        mtu: { int: 1500 },
        up: { bool: true },
        'example.com/driver_version': { version: '1.2.3-rc.1+build' },
        'resource.kubernetes.io/pcieRoot': { string: 'pci0000:00' },
      },
      capacity: { bandwidth: { value: '10G' } },
      taints: [{ key: 'example.com/gone', effect: 'NoSchedule' }],
    };
    expect(validate(device)).toEqual({ device, problems: [] });
  });

  it.each([
    ['attribute long left out: it has 65 bytes', { long: { string: 'x'.repeat(65) } }],
    ['attribute umlauts left out: it has 80 bytes', { umlauts: { string: 'ü'.repeat(40) } }],
    ["attribute v left out: 'v1.2' is no semantic version", { v: { version: 'v1.2' } }],
    ['attribute i left out: 0.5 is no exact integer', { i: { int: 0.5 } }],
    ["attribute with-dash left out: 'with-dash' is no C identifier", { 'with-dash': { bool: true } }],
    ['is no C identifier of at most 32', { [`x${'y'.repeat(32)}`]: { bool: true } }],
    ["'Upper.example' is no DNS subdomain", { 'Upper.example/x': { bool: true } }],
  ] as const)('drops an offending attribute alone: %s', (message, attributes) => {
    const { device, problems } = validate({ attributes: { ...attributes, good: { bool: true } } });
    expect(device?.attributes).toEqual({ good: { bool: true } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('Pool worker, device d: ');
    expect(problems[0]).toContain(message);
  });

  it('drops what is too much and says what', () => {
    const attributes = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, { int: i }]));
    const { device, problems } = validate({
      attributes,
      capacity: { c: { value: '1' }, bad: { value: 'much' } },
    });
    expect(Object.keys(device?.attributes ?? {})).toHaveLength(31);
    expect(device?.capacity).toEqual({ c: { value: '1' } });
    expect(problems).toHaveLength(1 + 9);
  });

  it('drops taints that are no taints and more than 16', () => {
    const taints = Array.from({ length: 17 }, (_, i) => ({ key: `k${i}`, effect: 'None' as const }));
    const { device, problems } = validate({ taints: [{ key: 'a b', effect: 'NoExecute' }, ...taints] });
    expect(device?.taints).toEqual(taints.slice(0, 16));
    expect(problems).toEqual([
      expect.stringContaining('taint a b left out'),
      expect.stringContaining('taint k16 left out'),
    ]);
  });

  it('leaves out a device or pool whose name is impossible', () => {
    const { pools, problems } = validatePools([
      { name: 'worker/nics', devices: [{ name: 'Eth_0', attributes: {} }] },
      { name: 'Worker', devices: [] },
    ]);
    expect(pools).toEqual([{ name: 'worker/nics', devices: [] }]);
    expect(problems).toHaveLength(2);
  });

  it('does not guess which of two equal names is meant', () => {
    const device = { name: 'd', attributes: {} };
    const { pools, untouchable, problems } = validatePools([
      { name: 'a', devices: [device, device] },
      { name: 'b', devices: [] },
      { name: 'b', devices: [device] },
      { name: 'c', devices: [device] },
    ]);
    expect(pools.map(({ name }) => name)).toEqual(['c']);
    expect([...untouchable]).toEqual(['a', 'b']);
    expect(problems.map(({ message }) => message)).toEqual([
      'Pool a has two devices named d; what is published of it stays unchanged',
      'Pool b is given twice; what is published of it stays unchanged',
    ]);
  });
});
