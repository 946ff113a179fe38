import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Link, linkDelete, linkSet, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../logging/logger.ts';
import { BorrowedLinks } from './borrowed-links.ts';
import { LeaseLinks } from './lease-links.ts';
import type { LeasePath } from './lease-record.ts';

let host: RouteSocket;
let directory: string;
let card: Link;
let lan: Link;
let links: LeaseLinks;

beforeEach(() => {
  host = RouteSocket.open();
  directory = mkdtempSync(join(tmpdir(), 'lease-links-'));
  lan = host.createLink({ name: 'lan', kind: { kind: 'bridge' }, up: true });
  host.createLink({
    name: 'port-nic0',
    master: lan.index,
    up: true,
    kind: { kind: 'veth', peer: { name: 'nic0' } },
  });
  card = host.link({ name: 'nic0' })!;
  links = new LeaseLinks(host, borrowed(), {} as never);
});
afterEach(() => {
  links[Symbol.dispose]();
  host.execute(linkDelete({ name: 'port-nic0' }), linkDelete({ name: 'lan' }));
  host.close();
  rmSync(directory, { recursive: true });
});

/** All links; their link-local addresses come and go with the carrier. */
const linkState = () =>
  host
    .links()
    .map(({ name, up, address, mtu, master, alias }) =>
      JSON.stringify({ name, up, address, mtu, master, alias }),
    )
    .sort();
const borrowed = () => new BorrowedLinks(host, join(directory, 'borrowed'), silentLogger);
const acceptRa = () => readFileSync('/proc/sys/net/ipv6/conf/nic0/accept_ra', 'utf8').trim();
const onCard = (): LeasePath => ({ kind: 'host-link', link: { name: 'nic0', index: card.index } });

describe('a host link that is down', () => {
  it('is up, and takes no routers for its own, only while a lease is asked for', async () => {
    const before = [linkState(), acceptRa()];
    await links.use(onCard(), '02:00:5e:10:00:01', true, async (link) => {
      expect(host.link({ name: 'nic0' })?.up).toBe(true);
      expect(acceptRa()).toBe('0');
      expect(link.linkLocalAddress).toMatch(/^fe80::/);
    });
    expect([linkState(), acceptRa()]).toEqual(before);
    expect(readdirSync(join(directory, 'borrowed'))).toEqual([]);
  });

  it('is down again when asking fails, and when the driver was killed meanwhile', async () => {
    const before = [linkState(), acceptRa()];
    const failing = links.use(onCard(), '', false, () => Promise.reject(new Error('no server')));
    await expect(failing).rejects.toThrow('no server');
    expect([linkState(), acceptRa()]).toEqual(before);
    // A killed process never comes back from its work.
    void links.use(onCard(), '', false, () => new Promise(() => {}));
    await expect.poll(() => existsSync(join(directory, 'borrowed', `${card.index}.json`))).toBe(true);
    expect(host.link({ name: 'nic0' })?.up).toBe(true);
    borrowed().recover();
    expect([linkState(), acceptRa()]).toEqual(before);
    expect(readdirSync(join(directory, 'borrowed'))).toEqual([]);
  });

  it('is left alone by a record that was not finished', () => {
    mkdirSync(join(directory, 'borrowed'), { recursive: true });
    const record = JSON.stringify({ index: card.index, name: 'nic0' });
    writeFileSync(join(directory, 'borrowed', `${card.index}.json.tmp`), record);
    host.execute(linkSet(card.index, { up: true }));
    borrowed().recover();
    expect(host.link({ index: card.index })?.up).toBe(true);
    expect(readdirSync(join(directory, 'borrowed'))).toEqual([]);
  });

  it('is left alone by its namesake’s record', async () => {
    void links.use(onCard(), '', false, () => new Promise(() => {}));
    await expect.poll(() => host.link({ name: 'nic0' })?.up).toBe(true);
    host.execute(linkSet(card.index, { up: false }), linkSet(card.index, { name: 'other0' }));
    host.execute(linkSet(card.index, { up: true }));
    borrowed().recover();
    expect(host.link({ index: card.index })?.up).toBe(true);
    expect(readdirSync(join(directory, 'borrowed'))).toEqual([]);
  });
});

describe('a link like the pod’s', () => {
  it.each([
    ['bridge', () => ({ kind: 'bridge-port', bridge: { name: 'lan', index: lan.index } }) as const],
    // As after the bridge was made anew.
    [
      'bridge of another index',
      () => ({ kind: 'bridge-port', bridge: { name: 'lan', index: 9999 } }) as const,
    ],
    [
      'parent',
      () =>
        ({
          kind: 'parent',
          parent: { name: 'nic0', index: card.index },
          data: { kind: 'macvlan', mode: 'bridge' },
        }) as const,
    ],
  ])('on a %s has its hardware address, can be made at once again, and leaves nothing', async (_, path) => {
    host.execute(linkSet(card.index, { up: true }));
    const before = linkState();
    for (let round = 0; round < 3; round++) {
      await links.use(path(), '02:00:5e:10:00:01', true, async (link) => {
        expect(link.hardwareAddress).toBe('02:00:5e:10:00:01');
        using aside = RouteSocket.open({ namespace: link.namespace! });
        expect(aside.link({ index: link.linkIndex })?.operState).toBe('up');
      });
    }
    await expect.poll(() => linkState()).toEqual(before);
  });

  it('on what is gone is an error that names it', async () => {
    const path: LeasePath = { kind: 'bridge-port', bridge: { name: 'gone', index: 9999 } };
    await expect(links.use(path, '02:00:5e:10:00:01', false, async () => {})).rejects.toThrow(
      'device gone is not available on this node: its link is not on the host any more',
    );
  });
});
