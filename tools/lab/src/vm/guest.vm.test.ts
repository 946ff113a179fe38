import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { vmCardAddresses } from './qemu-command.ts';
import { kernelVariable } from './vm-tools.ts';

/** What statfs(2) says of a file system in memory or an overlay over one (linux/magic.h), and of one of the host. */
const overlayMagic = 0x794c7630;

test('runs the kernel that was asked for', () => {
  expect(release().startsWith(`${process.env[kernelVariable] ?? 'none'}.`)).toBe(true);
});

test('keeps what it writes to the checkout to itself', () => {
  writeFileSync(join(import.meta.dirname, 'written-by-guest'), '');
  expect(statfsSync(import.meta.dirname).type).toBe(overlayMagic);
});

test('has two network cards with virtual functions', () => {
  execFileSync('modprobe', ['-a', 'igb', 'igbvf']);
  const network = '/sys/class/net';
  const read = (link: string, path: string) => readFileSync(join(network, link, path), 'utf8').trim();
  const cards = readdirSync(network).filter((link) =>
    existsSync(join(network, link, 'device/sriov_totalvfs')),
  );
  expect(cards.map((link) => [read(link, 'address'), read(link, 'device/sriov_totalvfs')]).sort()).toEqual(
    vmCardAddresses.map((address) => [address, '7']),
  );
});

test.each([
  'vfio-pci',
  'rdma_rxe',
  'bonding',
  'macvlan',
  'ipvlan',
  '8021q',
  'vrf',
  'dummy',
  'ifb',
  'sch_tbf',
])('has module %s with all that it needs', (module) => {
  execFileSync('modprobe', [module]);
  const name = module.replace('-', '_');
  expect(readFileSync('/proc/modules', 'utf8')).toMatch(new RegExp(`^${name} `, 'm'));
});
