import { describe, expect, it } from 'vitest';
import { ParametersInvalidError } from '../../errors/driver-errors.ts';
import { InterfaceParameters } from '../interface-parameters.ts';
import { apiVersion } from '../interface-config.ts';

const parameters = new InterfaceParameters(new Map());
const resolve = (wanted: object, ...classes: object[]) =>
  parameters.resolve(
    [...classes, wanted].map((each, index, all) => ({
      source: index < all.length - 1 ? ('FromClass' as const) : ('FromClaim' as const),
      parameters: { apiVersion, kind: 'InterfaceConfig', interface: each },
    })),
    'any',
    'net0',
  ).interface;

describe('sources of addresses', () => {
  it.each([
    [{ dhcp: { ipv4: false } }, /interface\.dhcp: leases nothing: ipv4 is false and ipv6 is not true/],
    [
      { dhcp: {}, addresses: ['192.0.2.7/24'] },
      /interface\.dhcp\.ipv4: leases an IPv4 address, and interface\.addresses gives '192\.0\.2\.7\/24'; leave that out, or set ipv4: false/,
    ],
    [
      { dhcp: { ipv6: true }, addresses: ['2001:db8::7/64'] },
      /interface\.dhcp\.ipv6: leases an IPv6 address, and interface\.addresses gives '2001:db8::7\/64'/,
    ],
    [
      { slaac: true, sysctls: { 'net.ipv6.conf.IFNAME.accept_ra': 0 } },
      /interface\.sysctls\.net\.ipv6\.conf\.IFNAME\.accept_ra: 0 contradicts interface\.slaac, which needs 2/,
    ],
    [
      { dhcp: { hostName: 'web.example.com' } },
      /interface\.dhcp\.hostName: must be a host name without domain/,
    ],
    [{ dhcp: {}, inherit: true }, /interface\.inherit\.addresses: takes over the host's addresses beside/],
    [{ dhcp: { timeoutSeconds: 90 } }, /interface\.dhcp\.timeoutSeconds: .*40.*\(got 90\)/],
    [{ dhcp: { hostname: 'web' } }, /interface\.dhcp\.hostname: unknown field/],
  ])('%j is refused', (wanted, message) => {
    expect(() => resolve(wanted)).toThrow(ParametersInvalidError);
    expect(() => resolve(wanted)).toThrow(message);
  });

  it('of different IP versions go together', () => {
    const { dhcp, addresses } = resolve({ dhcp: {}, addresses: ['2001:db8::7/64'], slaac: true });
    expect([dhcp, addresses]).toEqual([{}, ['2001:db8::7/64']]);
  });

  it('of class and claim are merged field by field', () => {
    expect(resolve({ dhcp: { hostName: 'web' } }, { dhcp: { defaultRoute: true } }).dhcp).toEqual({
      hostName: 'web',
      defaultRoute: true,
    });
  });
});
