import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Address, addressFlags, type Link } from '@patchbay/netlink';
import { afterEach, describe, expect, it } from 'vitest';
import { linkAttributes } from './link-attributes.ts';
import { SysfsLinks } from './sysfs-links.ts';

const pciPath = 'devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0';

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

const files = {
  vendor: '0x8086',
  device: '0x10c9',
  numa_node: '1',
  subsystem_vendor: '0x15d9',
  subsystem_device: '0x1521',
  sriov_totalvfs: '7',
};

/** A sysfs with one PCI card, `eth1`, and its speed. */
function fakeSysfs(speed: string): string {
  const root = mkdtempSync(join(tmpdir(), 'sysfs-'));
  made.push(root);
  mkdirSync(join(root, pciPath), { recursive: true });
  mkdirSync(join(root, 'class/net/eth1'), { recursive: true });
  mkdirSync(join(root, 'drivers/igb'), { recursive: true });
  symlinkSync(join(root, pciPath), join(root, 'class/net/eth1/device'));
  symlinkSync(join(root, 'drivers/igb'), join(root, pciPath, 'driver'));
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(root, pciPath, name), `${value}\n`);
  }
  writeFileSync(join(root, 'class/net/eth1/speed'), speed);
  return root;
}

const card = {
  index: 2,
  name: 'eth1',
  altnames: [],
  mtu: 9000,
  flags: 0,
  up: true,
  carrier: true,
  address: '52:54:00:aa:00:01',
  operState: 'up',
  encapsulation: 'ether',
  parentDevice: { bus: 'pci', name: '0000:3b:00.0' },
} satisfies Link;

function address(text: string, changes: Partial<Address> = {}): Address {
  const family = text.includes(':') ? 6 : 4;
  return { linkIndex: 2, address: text, family, scope: 'global', flags: addressFlags.permanent, ...changes };
}

describe('linkAttributes', () => {
  it('says of a PCI card what it is and where it sits, also by the standard names', () => {
    const hardware = new SysfsLinks(fakeSysfs('1000\n')).hardware(card);
    expect(linkAttributes(card, { hardware })).toEqual({
      'patchbay.dev/ifName': { string: 'eth1' },
      'patchbay.dev/mac': { string: '52:54:00:aa:00:01' },
      'patchbay.dev/mtu': { int: 9000 },
      'patchbay.dev/encapsulation': { string: 'ether' },
      'patchbay.dev/state': { string: 'up' },
      'patchbay.dev/virtual': { bool: false },
      'patchbay.dev/driver': { string: 'igb' },
      'patchbay.dev/pciVendor': { string: '0x8086' },
      'patchbay.dev/pciDevice': { string: '0x10c9' },
      'patchbay.dev/pciSubsystem': { string: '0x15d9:0x1521' },
      'patchbay.dev/pciAddress': { string: '0000:3b:00.0' },
      'patchbay.dev/sriov': { bool: true },
      'patchbay.dev/sriovVfs': { int: 7 },
      'patchbay.dev/isSriovVf': { bool: false },
      'patchbay.dev/numaNode': { int: 1 },
      'resource.kubernetes.io/pciBusID': { string: '0000:3b:00.0' },
      'resource.kubernetes.io/pcieRoot': { string: 'pci0000:3a' },
      'resource.kubernetes.io/numaNode': { int: 1 },
    });
  });

  it('says by which global address of each family a link is known, whatever their order', () => {
    const addresses = [
      address('198.51.100.9/24'),
      address('192.0.2.10/24'),
      address('192.0.2.1/24', { flags: addressFlags.permanent | addressFlags.secondary }),
      address('127.0.0.1/8', { scope: 'host' }),
      address('fe80::1/64', { scope: 'link' }),
      address('2001:db8::1/64', { flags: addressFlags.dadfailed }),
      address('2001:db8::2/64', { flags: addressFlags.deprecated }),
      address('2001:db8::3/64', { flags: addressFlags.tentative }),
      address('2001:db8::4/64', { flags: 0 }),
    ];
    for (const listed of [addresses, [...addresses].reverse()]) {
      expect(linkAttributes(card, { addresses: listed })).toMatchObject({
        'patchbay.dev/ipv4': { string: '192.0.2.10' },
        'patchbay.dev/ipv6': { string: '2001:db8::3' },
      });
    }
    expect(linkAttributes(card)).not.toHaveProperty(['patchbay.dev/ipv4']);
  });

  it('leaves out a value that is too long for an attribute instead of losing the slice', () => {
    const attributes = linkAttributes({ ...card, alias: 'x'.repeat(65) });
    expect(attributes).not.toHaveProperty(['patchbay.dev/alias']);
    expect(linkAttributes({ ...card, alias: 'x'.repeat(64) })).toHaveProperty(['patchbay.dev/alias']);
  });
});

describe('SysfsLinks', () => {
  it.each([
    ['25000\n', 25_000_000_000],
    ['-1\n', undefined],
    ['', undefined],
  ])('makes %j from sysfs %s bits per second', (text, speed) => {
    expect(new SysfsLinks(fakeSysfs(text)).speed(card)).toBe(speed);
  });

  it('reads a speed again when the carrier has changed, and the hardware of another link of that index', () => {
    const root = fakeSysfs('1000\n');
    const sysfs = new SysfsLinks(root);
    expect(sysfs.speed({ ...card, carrierChanges: 1 })).toBe(1_000_000_000);
    writeFileSync(join(root, 'class/net/eth1/speed'), '2500\n');
    expect(sysfs.speed({ ...card, carrierChanges: 1 })).toBe(1_000_000_000);
    expect(sysfs.speed({ ...card, carrierChanges: 2 })).toBe(2_500_000_000);
    expect(sysfs.hardware(card)).toBeDefined();
    expect(sysfs.hardware({ ...card, name: 'veth7' })).toBeUndefined();
  });
});
