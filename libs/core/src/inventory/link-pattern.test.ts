import type { Link } from '@patchbay/netlink';
import { describe, expect, it } from 'vitest';
import { linkPatternSchema, matchesLinkPattern } from './link-pattern.ts';

const link = {
  index: 2,
  name: 'eth1',
  altnames: ['enp59s0'],
  alias: 'storage: do not touch',
  mtu: 1500,
  flags: 0,
  up: true,
  carrier: true,
  operState: 'up',
  encapsulation: 'ether',
  address: '52:54:00:aa:00:01',
  parentDevice: { bus: 'pci', name: '0000:3b:00.0' },
} satisfies Link;

describe('a link pattern', () => {
  it.each([
    [{ name: 'eth?' }],
    [{ name: 'enp*' }],
    [{ alias: 'storage*' }],
    [{ pciAddress: '0000:3b:00.*' }],
    [{ hardwareAddress: '52:54:00:*' }],
    [{ name: 'eth1', hardwareAddress: '*:01' }],
  ])('matches by %j', (pattern) => {
    expect(matchesLinkPattern(link, pattern)).toBe(true);
  });

  it.each([
    [{ name: 'eth' }],
    [{ name: 'eth.' }],
    [{ alias: 'do not touch' }],
    [{ kind: '*' }],
    [{ name: 'eth1', pciAddress: '0000:3c:*' }],
  ])('does not match by %j', (pattern) => {
    expect(matchesLinkPattern(link, pattern)).toBe(false);
  });

  it('must say something', () => {
    expect(linkPatternSchema.safeParse({}).error?.issues[0]?.message).toMatch(
      /selects nothing; give .*name, alias/,
    );
    expect(linkPatternSchema.safeParse({ nam: 'x' }).success).toBe(false);
  });
});
