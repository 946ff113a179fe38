import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { formatIpAddress, parseIpAddress, parseIpPrefix } from './ip-address.ts';
import { RequestInvalidError } from './request-invalid-error.ts';

const ipv6Bytes = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

describe('IP addresses', () => {
  it('are written in canonical form', () => {
    const canonical = (text: string) => formatIpAddress(parseIpAddress(text, 'address'));
    expect(canonical('192.0.2.1')).toBe('192.0.2.1');
    expect(canonical('2001:DB8:0:0:0:0:0:1')).toBe('2001:db8::1');
    expect(canonical('2001:db8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1');
    expect(canonical('2001:db8:0:1:1:1:1:1')).toBe('2001:db8:0:1:1:1:1:1');
    expect(canonical('::')).toBe('::');
    expect(canonical('1::')).toBe('1::');
    expect(canonical('::ffff:c000:201')).toBe('::ffff:192.0.2.1');
    expect(canonical('64:ff9b::192.0.2.33')).toBe('64:ff9b::c000:221');
  });

  it('are the same after writing and reading, and as Node.js writes them', () => {
    fc.assert(
      fc.property(ipv6Bytes, (bytes) => {
        const text = formatIpAddress(bytes) ?? '';
        expect(Buffer.from(parseIpAddress(text, 'address'))).toEqual(bytes);
        // URLs write mapped IPv4 addresses without dots.
        if (!text.includes('.')) expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(formatIpAddress(parseIpAddress(text, 'address'))).toBe(text);
      }),
    );
  });

  it('are accepted and refused as by Node.js', () => {
    const near = fc.string({
      unit: fc.constantFrom(...'0123456789abcdefF:.'.split(''), '::', '1', '255', 'ffff', ':0:'),
      maxLength: 16,
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.ipV6(), fc.ipV4Extended()), (text) => {
        const parsed = () => parseIpAddress(text, 'gateway');
        if (isIP(text) === 0) expect(parsed).toThrow(RequestInvalidError);
        else expect(parsed().length).toBe(isIP(text) === 4 ? 4 : 16);
      }),
      { numRuns: 2000 },
    );
  });

  it('name the field that holds a wrong one', () => {
    expect(() => parseIpAddress('10.0.0.256', 'gateway')).toThrow(
      "gateway must be an IPv4 or IPv6 address, not '10.0.0.256'",
    );
    expect(() => parseIpAddress('fe80::1%eth0', 'gateway')).toThrow(RequestInvalidError);
  });

  it('have prefixes no longer than themselves', () => {
    expect(parseIpPrefix('10.0.0.0/8', 'destination')).toMatchObject({ family: 4, length: 8 });
    expect(parseIpPrefix('2001:db8::1', 'destination')).toMatchObject({ family: 6, length: 128 });
    for (const wrong of [
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '10.0.0.0/x',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      '10.0.0.0/08',
      '::/1e1',
      '::/1.5',
    ]) {
      expect(() => parseIpPrefix(wrong, 'destination'), wrong).toThrow(RequestInvalidError);
    }
  });
});
