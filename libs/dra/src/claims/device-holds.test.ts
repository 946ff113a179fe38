import { describe, expect, it } from 'vitest';
import { DeviceHeldError, DeviceHolds } from './device-holds.ts';

const whole = { pool: 'p', device: 'd', adminAccess: false };

describe('DeviceHolds', () => {
  it('takes all devices of a claim or none', () => {
    const holds = new DeviceHolds();
    holds.hold('a', [whole]);
    const other = { ...whole, device: 'free' };
    expect(() => holds.hold('b', [other, whole])).toThrow(DeviceHeldError);
    expect(holds.holders(other)).toEqual([]);
  });

  it('says whether a repeated hold took anything new', () => {
    const holds = new DeviceHolds();
    expect(holds.hold('a', [whole])).toBe(true);
    expect(holds.hold('a', [whole])).toBe(false);
    expect(holds.hold('a', [whole, { ...whole, device: 'second' }])).toBe(true);
  });

  it('lets distinct shares of a device go to different claims, equal shares not', () => {
    const holds = new DeviceHolds();
    holds.hold('a', [{ ...whole, shareId: '1' }]);
    holds.hold('b', [{ ...whole, shareId: '2' }]);
    expect(() => holds.hold('c', [{ ...whole, shareId: '2' }])).toThrow('(share 2)');
    expect(holds.holders(whole)).toEqual(['a', 'b']);
  });

  it('keeps shares and the whole device apart', () => {
    const holds = new DeviceHolds();
    holds.hold('a', [{ ...whole, shareId: '1' }]);
    expect(() => holds.hold('b', [whole])).toThrow(DeviceHeldError);
    holds.release('a');
    holds.hold('b', [whole]);
    expect(() => holds.hold('a', [{ ...whole, shareId: '1' }])).toThrow(DeviceHeldError);
  });

  it('lets admin access neither take nor be refused', () => {
    const holds = new DeviceHolds();
    expect(holds.hold('admin', [{ ...whole, adminAccess: true }])).toBe(false);
    holds.hold('a', [whole]);
    expect(holds.hold('admin', [{ ...whole, adminAccess: true }])).toBe(false);
    expect(holds.holders(whole)).toEqual(['a']);
  });

  it('frees everything of a released claim and nothing else', () => {
    const holds = new DeviceHolds();
    holds.hold('a', [whole, { ...whole, device: 'e' }]);
    holds.hold('b', [{ ...whole, device: 'f' }]);
    holds.release('a');
    holds.release('unknown');
    expect(
      [whole, { ...whole, device: 'e' }, { ...whole, device: 'f' }].map((d) => holds.holders(d)),
    ).toEqual([[], [], ['b']]);
  });
});
