import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceName, pciDeviceName } from './device-name.ts';

describe('deviceName', () => {
  it('leaves a DNS label as it is and writes a PCI address as one', () => {
    expect(deviceName('eth1')).toBe('eth1');
    expect(pciDeviceName('0000:8a:00.0')).toBe('pci-0000-8a-00-0');
  });

  it('makes a DNS label of any link name', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }), (text) => {
        expect(deviceName(text)).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      }),
    );
  });

  it('keeps names apart that differ only in what a label cannot have', () => {
    expect(new Set(['eth1.5', 'eth1_5', 'ETH1.5', 'eth1-5'].map(deviceName)).size).toBe(4);
  });
});
