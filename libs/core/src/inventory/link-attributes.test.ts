import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Link } from '@patchbay/netlink';
import { describe, expect, it } from 'vitest';
import { linkAttributes, linkSpeed } from './link-attributes.ts';

const pciPath = 'devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0';

/** A sysfs with one PCI card, `eth1`, and its speed. */
function fakeSysfs(speed: string): string {
  const root = mkdtempSync(join(tmpdir(), 'sysfs-'));
  mkdirSync(join(root, pciPath), { recursive: true });
  mkdirSync(join(root, 'class/net/eth1'), { recursive: true });
  mkdirSync(join(root, 'drivers/igb'), { recursive: true });
  symlinkSync(join(root, pciPath), join(root, 'class/net/eth1/device'));
  symlinkSync(join(root, 'drivers/igb'), join(root, pciPath, 'driver'));
  for (const [name, value] of Object.entries({ vendor: '0x8086', device: '0x10c9', numa_node: '1' })) {
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

describe('linkAttributes', () => {
  it('says of a PCI card what it is and where it sits, also by the standard names', () => {
    expect(linkAttributes(card, fakeSysfs('1000\n'))).toEqual({
      'patchbay.dev/ifName': { string: 'eth1' },
      'patchbay.dev/mac': { string: '52:54:00:aa:00:01' },
      'patchbay.dev/mtu': { int: 9000 },
      'patchbay.dev/encapsulation': { string: 'ether' },
      'patchbay.dev/state': { string: 'up' },
      'patchbay.dev/virtual': { bool: false },
      'patchbay.dev/driver': { string: 'igb' },
      'patchbay.dev/pciVendor': { string: '0x8086' },
      'patchbay.dev/pciDevice': { string: '0x10c9' },
      'patchbay.dev/pciAddress': { string: '0000:3b:00.0' },
      'patchbay.dev/numaNode': { int: 1 },
      'resource.kubernetes.io/pciBusID': { string: '0000:3b:00.0' },
      'resource.kubernetes.io/pcieRoot': { string: 'pci0000:3a' },
      'resource.kubernetes.io/numaNode': { int: 1 },
    });
  });

  it('leaves out a value that is too long for an attribute instead of losing the slice', () => {
    const attributes = linkAttributes({ ...card, alias: 'x'.repeat(65) }, '/nowhere');
    expect(attributes).not.toHaveProperty('patchbay.dev/alias');
    expect(linkAttributes({ ...card, alias: 'x'.repeat(64) }, '/nowhere')).toHaveProperty([
      'patchbay.dev/alias',
    ]);
  });
});

describe('linkSpeed', () => {
  it.each([
    ['25000\n', 25_000_000_000],
    ['-1\n', undefined],
    ['', undefined],
  ])('makes %j from sysfs %s bits per second', (text, speed) => {
    expect(linkSpeed('eth1', fakeSysfs(text))).toBe(speed);
  });
});
