import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimRecord } from '../attachments/claim-record.ts';
import { AddressRangeExhaustedError } from '../errors/driver-errors.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { silentLogger } from '../logging/logger.ts';
import { AddressGrants } from './address-grants.ts';
import { addressRangesSchema } from './address-range-config.ts';
import { AddressRanges, type HeldAddress } from './address-ranges.ts';

let directory: string;
let records: Map<string, ClaimRecord>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ranges-'));
  records = new Map();
});
afterEach(() => rmSync(directory, { recursive: true }));

const asked: InterfaceSetup = { name: 'net0', addresses: [], routes: [], addressRange: 'storage' };

/** A driver's process: what it has in memory is its own, the files are those of the test. */
function ranges(...given: readonly object[]): AddressRanges {
  const parsed = addressRangesSchema.parse(given.map((range) => ({ name: 'storage', ...range })));
  const ledger = { all: () => [...records.values()], get: (uid: string) => records.get(uid) };
  const grants = new AddressGrants(join(directory, 'grants.json'), join(directory, 'claims'), silentLogger);
  return new AddressRanges(parsed, ledger, grants);
}

function journal(claimUID: string, held: readonly HeldAddress[]): void {
  const claim = { uid: claimUID, namespace: 'default', name: claimUID };
  const device = { addresses: held } as unknown as ClaimRecord['devices'][number];
  records.set(claimUID, { version: 1, bootId: '', claim, podUIDs: [], devices: [device], attachments: [] });
}

/** Prepares a claim and journals it; returns its addresses. */
function prepare(from: AddressRanges, claimUID: string, setup = asked): readonly string[] {
  const assigned = from.assign(setup, { claimUID, request: 'net' });
  journal(claimUID, assigned.held);
  from.settle(claimUID);
  return assigned.setup.addresses;
}

const small = { network: '192.0.2.0/24', from: '192.0.2.10', to: '192.0.2.12' };

describe('a range of addresses', () => {
  it('gives each address once, and says who holds them when none is left', () => {
    const storage = ranges(small);
    const given = ['a', 'b', 'c'].flatMap((claim) => prepare(storage, claim));
    expect(given).toEqual(['192.0.2.10/24', '192.0.2.11/24', '192.0.2.12/24']);
    expect(() => prepare(storage, 'd')).toThrow(AddressRangeExhaustedError);
    expect(() => prepare(storage, 'd')).toThrow(
      "address range 'storage' has no free IPv4 address: all 3 are held (192.0.2.10 by claim default/a, 192.0.2.11 by claim default/b, 192.0.2.12 by claim default/c)",
    );
  });

  it('does not give at once what was just released, also after a restart', () => {
    prepare(ranges(small), 'a');
    records.delete('a');
    expect(prepare(ranges(small), 'b')).toEqual(['192.0.2.11/24']);
    records.delete('b');
    expect(prepare(ranges(small), 'c')).toEqual(['192.0.2.12/24']);
    expect(prepare(ranges(small), 'd')).toEqual(['192.0.2.10/24']);
  });

  it('keeps what it has chosen from others until the claim is journalled or has failed', () => {
    const storage = ranges(small);
    const first = storage.assign(asked, { claimUID: 'a', request: 'net' });
    const second = storage.assign(asked, { claimUID: 'a', request: 'other' });
    const third = storage.assign(asked, { claimUID: 'b', request: 'net' });
    const addresses = [first, second, third].map(({ held }) => held[0]?.address);
    expect(new Set(addresses).size).toBe(3);
    expect(() => prepare(storage, 'c')).toThrow(/which is being prepared/);
    storage.settle('a');
    expect(prepare(storage, 'c')).toEqual(['192.0.2.10/24']);
  });

  it('gives a claim that is prepared again after a crash what it had', () => {
    const before = ranges(small);
    before.assign(asked, { claimUID: 'a', request: 'net' });
    const { setup } = before.assign(asked, { claimUID: 'b', request: 'net' });
    expect(prepare(ranges(small), 'b')).toEqual(setup.addresses);
  });

  it('does not give what a claim has whose record cannot be read', () => {
    const storage = ranges(small);
    prepare(storage, 'lost');
    records.delete('lost');
    mkdirSync(join(directory, 'claims/unreadable'), { recursive: true });
    const file = join(directory, 'claims/unreadable', `${Date.now()}-lost.json`);
    writeFileSync(file, '');
    expect(prepare(storage, 'b')).toEqual(['192.0.2.11/24']);
    expect(prepare(storage, 'c')).toEqual(['192.0.2.12/24']);
    expect(() => prepare(storage, 'd')).toThrow(`192.0.2.10 by the unreadable record ${file}`);
    expect(prepare(storage, 'lost')).toEqual(['192.0.2.10/24']);
  });

  it('gives one address of each IP version, with the routes of the range', () => {
    const storage = ranges({
      network: ['192.0.2.0/24', '2001:db8::/64'],
      gateway: ['192.0.2.1', '2001:db8::1'],
      routes: [{ destination: '198.51.100.0/24' }, { destination: '2001:db8:1::/48' }],
    });
    const { setup } = storage.assign(asked, { claimUID: 'a', request: 'net' });
    expect(setup.addresses).toEqual(['192.0.2.2/24', '2001:db8::2/64']);
    expect(setup.routes).toEqual([
      { destination: '198.51.100.0/24', gateway: '192.0.2.1' },
      { destination: '2001:db8:1::/48', gateway: '2001:db8::1' },
    ]);
  });

  it('leaves out networks, broadcasts, gateways and what is excluded', () => {
    const storage = ranges({
      network: '192.0.2.0/29',
      gateway: '192.0.2.6',
      exclude: ['192.0.2.1', '192.0.2.2-192.0.2.3'],
    });
    expect([prepare(storage, 'a'), prepare(storage, 'b')]).toEqual([['192.0.2.4/29'], ['192.0.2.5/29']]);
    expect(() => prepare(storage, 'c')).toThrow('all 2 are held');
  });

  it('is refused by name when the node has no such range, or the claim gives such an address itself', () => {
    const unknown = { ...asked, addressRange: 'store' };
    expect(() => prepare(ranges(small), 'a', unknown)).toThrow(
      "interface.addressRange: this node has no address range 'store' (it has 'storage'); correct the name",
    );
    const twice = { ...asked, addresses: ['192.0.2.200/24'] };
    expect(() => prepare(ranges(small), 'a', twice)).toThrow(
      "range 'storage' gives an IPv4 address, and interface.addresses gives '192.0.2.200/24'; leave one of them out",
    );
    expect(() => prepare(ranges(small), 'a', { ...asked, dhcp: {} })).toThrow(
      /interface\.dhcp\.ipv4 leases one/,
    );
    const beyond = { ...asked, routes: [{ destination: '0.0.0.0/0', gateway: '203.0.113.1' }] };
    const storage = ranges({ ...small, to: '192.0.2.10' });
    expect(() => prepare(storage, 'a', beyond)).toThrow(/'203\.0\.113\.1' .* is in no network/);
    expect(prepare(storage, 'b')).toEqual(['192.0.2.10/24']);
  });
});

describe('the configuration of ranges', () => {
  const mistakes = (...given: readonly object[]) =>
    addressRangesSchema
      .safeParse(given.map((range, index) => ({ name: `r${index}`, ...range })))
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

  it.each([
    [{ ...small, from: '198.51.100.1' }, "0.from: '198.51.100.1' is not in 192.0.2.0/24"],
    [{ ...small, from: '192.0.2.13' }, "0.to: '192.0.2.12' is below from ('192.0.2.13'); swap them"],
    [
      { network: '192.0.2.0/24', gateway: '198.51.100.1' },
      "0.gateway.0: '198.51.100.1' is not in 192.0.2.0/24",
    ],
    [{ network: '192.0.2.1/24' }, "0.network: '192.0.2.1/24' has bits set after its prefix"],
    [{ network: '192.0.2.0/30', exclude: ['192.0.2.0/30'] }, '0.network: has no IPv4 address left to give'],
    [
      { network: ['192.0.2.0/24', '192.0.2.128/25'] },
      "0.network.1: '192.0.2.128/25' overlaps with '192.0.2.0/24'",
    ],
    [{ network: ['192.0.2.0/24', '2001:db8::/64'], from: '192.0.2.1' }, '0.from: fits one network only'],
    [
      { network: '192.0.2.0/24', exclude: ['192.0.2.9-192.0.2.8'] },
      "0.exclude.0: '192.0.2.9-192.0.2.8' is neither",
    ],
    [
      { network: '192.0.2.0/24', routes: [{ destination: '::/0' }] },
      "0.routes.0.destination: '::/0' is of an IP",
    ],
  ])('refuses %j', (range, message) => {
    expect(mistakes(range).join('\n')).toContain(message);
  });

  it('refuses ranges that share addresses or a name, unless they are of different nodes', () => {
    const half = { network: '192.0.2.0/24', from: '192.0.2.12' };
    expect(mistakes(small, half)).toEqual([
      "1.network: '192.0.2.0/24' overlaps with addressRanges[0] ('r0'), so that an address could be given twice; separate them by from, to or exclude",
    ]);
    const other = { ...small, network: '198.51.100.0/24', from: undefined, to: undefined };
    expect(mistakes({ ...small, name: 'a' }, { ...other, name: 'a' })).toEqual([
      "1.name: 'a' is that of addressRanges[0], too; rename one, or give each its own nodes",
    ]);
    expect(mistakes({ ...small, name: 'a', nodes: ['n1'] }, { ...other, name: 'a', nodes: ['n2'] })).toEqual(
      [],
    );
    expect(
      mistakes({ ...small, name: 'a', nodes: ['n1'] }, { ...half, name: 'a', nodes: ['n2'] }),
    ).toHaveLength(1);
  });
});
