import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressAdd, linkDelete, linkSet, NetworkNamespace, routeAdd, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodSandbox } from '../backend/backend.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { type Logger, silentLogger } from '../logging/logger.ts';
import { hostState } from '../testing/host-state.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { NamespacePins } from './namespace-pins.ts';
import { MovedLinks } from './moved-links.ts';

const setup: InterfaceSetup = { name: 'fast0', addresses: ['10.20.0.1/24'], routes: [] };
let host: RouteSocket;
let own: NetworkNamespace;
let pod: NetworkNamespace;
let sandbox: PodSandbox;
let state: string;
let warnings: object[];
let links: MovedLinks;

/** A card, `nic0`, plugged into `port0`, with an address. */
beforeEach(() => {
  host = RouteSocket.open();
  own = NetworkNamespace.own();
  pod = NetworkNamespace.create();
  state = mkdtempSync(join(tmpdir(), 'moved-links-'));
  warnings = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
  links = new MovedLinks(host, own, new NamespacePins(state), logger);
  sandbox = {
    podUID: 'pod-uid',
    podName: 'pod',
    podNamespace: 'default',
    sandboxId: 'sandbox',
    networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
  };
  host.createLink({ name: 'port0', up: true, kind: { kind: 'veth', peer: { name: 'nic0' } } });
  host.execute(
    linkSet(nic().index, { up: true }),
    addressAdd({ linkIndex: nic().index, address: '198.51.100.10/24' }),
  );
});
afterEach(() => {
  if (host.link({ name: 'port0' }) !== undefined) host.execute(linkDelete({ name: 'port0' }));
  pod.close();
  own.close();
  host.close();
  expect(readdirSync(state)).toEqual([]);
  rmSync(state, { recursive: true });
});

function nic() {
  const link = host.link({ name: 'nic0' });
  if (link === undefined) throw new Error('nic0 is not on the host');
  return link;
}

async function snapshot(): Promise<LinkSnapshot> {
  return JSON.parse(JSON.stringify(await links.snapshot(nic()))) as LinkSnapshot;
}

function inPod<T>(work: (socket: RouteSocket) => T): T {
  using socket = RouteSocket.open({ namespace: pod });
  return work(socket);
}

describe('moveIn', () => {
  /** More cards, plugged into ports of their own. */
  async function cards(count: number): Promise<readonly LinkSnapshot[]> {
    const taken: LinkSnapshot[] = [];
    for (let card = 1; card <= count; card++) {
      host.createLink({ name: `port${card}`, kind: { kind: 'veth', peer: { name: `nic${card}` } } });
      const link = host.link({ name: `nic${card}` });
      if (link !== undefined) taken.push(await links.snapshot(link));
    }
    return taken;
  }
  const setupOf = (card: number, name = `fast${card}`) => ({
    ...setup,
    name,
    addresses: [`10.20.${card}.1/24`],
  });

  it('brings links that come together, each under its name and with its addresses, and back as they were', async () => {
    const taken = (await cards(4)).toReversed();
    const before = hostState(host);
    const attached = await Promise.all(taken.map((each, card) => links.moveIn(each, setupOf(card), sandbox)));
    const found = attached.map(({ linkIndex = 0 }) => inPod((socket) => socket.link({ index: linkIndex })));
    expect(found.map((link) => [link?.name, link?.address])).toEqual(
      taken.map(({ hardwareAddress }, card) => [`fast${card}`, hardwareAddress]),
    );
    for (const [card, { linkIndex = 0 }] of attached.entries()) {
      const addresses = inPod((socket) => socket.addresses({ linkIndex }));
      expect(addresses.map(({ address }) => address)).toContain(`10.20.${card}.1/24`);
    }
    for (const [card, each] of taken.entries()) await links.moveOut(each, setupOf(card), sandbox);
    expect(hostState(host)).toBe(before);
    for (let card = 1; card <= 4; card++) host.execute(linkDelete({ name: `port${card}` }));
  });

  it('of one whose name the pod has fails for that one alone', async () => {
    const taken = await cards(3);
    const before = hostState(host);
    inPod((socket) => socket.createLink({ name: 'fast1', kind: { kind: 'bridge' } }));
    const results = await Promise.allSettled(
      taken.map((each, card) => links.moveIn(each, setupOf(card), sandbox)),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(String((results[1] as PromiseRejectedResult).reason)).toContain(
      "moving link nic2 into the pod failed: an interface 'fast1' exists there already",
    );
    for (const [card, each] of taken.entries()) await links.moveOut(each, setupOf(card), sandbox);
    expect(hostState(host)).toBe(before);
    for (let card = 1; card <= 3; card++) host.execute(linkDelete({ name: `port${card}` }));
  });
});

describe('moveOut', () => {
  it('restores a route whose gateway is reached by another route, in the order that the kernel takes', async () => {
    const { index: linkIndex } = nic();
    host.execute(
      routeAdd({ linkIndex, destination: '203.0.113.1/32', scope: 'link' }),
      routeAdd({ linkIndex, destination: '192.0.2.0/24', gateway: '203.0.113.1' }),
      routeAdd({ linkIndex, destination: '10.0.0.0/8', gateway: '203.0.113.1' }),
    );
    const before = hostState(host);
    const taken = await snapshot();
    await links.moveIn(taken, setup, sandbox);
    await links.moveOut(taken, setup, sandbox);
    expect(hostState(host)).toBe(before);
    expect(warnings).toEqual([]);
  });

  it('leaves a route alone that another link has got meanwhile', async () => {
    host.execute(routeAdd({ linkIndex: nic().index, destination: '203.0.113.0/24', scope: 'link' }));
    const taken = await snapshot();
    await links.moveIn(taken, setup, sandbox);
    const other = host.link({ name: 'port0' })?.index ?? 0;
    host.execute(routeAdd({ linkIndex: other, destination: '203.0.113.0/24', scope: 'link' }));
    await links.moveOut(taken, setup, sandbox);
    const owners = host.routes().filter(({ destination }) => destination === '203.0.113.0/24');
    expect(owners.map(({ linkIndex }) => linkIndex)).toEqual([other]);
  });

  it('brings the device back although a route cannot be, and says which', async () => {
    host.execute(
      routeAdd({ linkIndex: nic().index, destination: '203.0.113.0/24', source: '198.51.100.10' }),
    );
    const taken = await snapshot();
    await links.moveIn(taken, setup, sandbox);
    const unroutable = taken.routes.map((route) => ({ ...route, source: '192.0.2.77' }));
    await links.moveOut({ ...taken, routes: unroutable }, setup, sandbox);
    expect(nic().up).toBe(true);
    expect(warnings).toEqual([expect.objectContaining({ link: 'nic0', what: 'route 203.0.113.0/24' })]);
  });

  it.each([
    ['its mark', { alias: 'mine' }],
    ['its name and mark', { alias: '', name: 'other0' }],
    ['its name and hardware address', { name: 'other0', address: '02:00:5e:00:53:77' }],
  ])('finds a link of which the pod has changed %s', async (_what, changes) => {
    const before = hostState(host);
    const taken = await snapshot();
    const { linkIndex = 0 } = await links.moveIn(taken, setup, sandbox);
    inPod((socket) => socket.execute(linkSet(linkIndex, changes)));
    await links.moveOut(taken, setup, sandbox);
    expect(hostState(host)).toBe(before);
  });

  it.each([
    ['in the pod', (path: string) => path],
    ['in a namespace that only its pin keeps', () => '/run/netns/gone'],
  ])(
    'finds by its index a link of which the pod has changed all that it was known by, %s',
    async (_where, place) => {
      const card = host.createLink({
        name: 'soft0',
        kind: { kind: 'macvlan', mode: 'bridge' },
        parent: nic().index,
      });
      const before = hostState(host);
      const taken = JSON.parse(JSON.stringify(await links.snapshot(card))) as LinkSnapshot;
      const { linkIndex = 0 } = await links.moveIn(taken, setup, sandbox);
      const changes = { alias: '', name: 'other0', address: '02:00:5e:00:53:77' };
      inPod((socket) => socket.execute(linkSet(linkIndex, changes)));
      const networkNamespacePath = place(sandbox.networkNamespacePath);
      await links.moveOut(taken, setup, { ...sandbox, networkNamespacePath, linkIndex });
      expect(hostState(host)).toBe(before);
      host.execute(linkDelete({ index: card.index }));
    },
  );

  it("never takes the pod's own link of the same kind and index", async () => {
    const taken = await snapshot();
    inPod((socket) =>
      socket.createLink({
        name: 'eth0',
        index: taken.index,
        kind: { kind: 'veth', peer: { name: 'peer0' } },
      }),
    );
    const before = hostState(host);
    await links.moveIn(taken, setup, sandbox);
    await links.moveOut(taken, setup, { ...sandbox, linkIndex: taken.index });
    expect(hostState(host)).toBe(before);
    expect(inPod((socket) => socket.link({ name: 'eth0' })?.index)).toBe(taken.index);
  });

  it('never takes a link that the pod has made since in place of one that is back', async () => {
    const before = hostState(host);
    const taken = await snapshot();
    const { linkIndex = 0 } = await links.moveIn(taken, setup, sandbox);
    await links.moveOut(taken, setup, { ...sandbox, linkIndex });
    inPod((socket) =>
      socket.createLink({ name: 'own0', index: linkIndex, kind: { kind: 'veth', peer: { name: 'own1' } } }),
    );
    await links.moveOut(taken, setup, { ...sandbox, linkIndex });
    expect(hostState(host)).toBe(before);
    expect(inPod((socket) => socket.link({ name: 'own0' })?.index)).toBe(linkIndex);
  });

  it('finds by its pin a link whose namespace the runtime has given up meanwhile', async () => {
    const before = hostState(host);
    const taken = await snapshot();
    await links.moveIn(taken, setup, sandbox);
    await links.moveOut(taken, setup, { ...sandbox, networkNamespacePath: '/run/netns/gone' });
    expect(hostState(host)).toBe(before);
  });

  it('brings back under a passing name a link whose mark and address the pod has changed, when its own name is taken', async () => {
    const taken = await snapshot();
    const before = hostState(host);
    await links.moveIn(taken, { ...setup, hardwareAddress: '02:00:5e:00:53:01' }, sandbox);
    const { index = 0 } = inPod((socket) => socket.link({ name: 'fast0' })) ?? {};
    inPod((socket) => socket.execute(linkSet(index, { alias: '' })));
    const other = host.createLink({ name: 'nic0', kind: { kind: 'veth', peer: { name: 'other0' } } });
    const asked = { ...setup, hardwareAddress: '02:00:5e:00:53:01' };
    await expect(links.moveOut(taken, asked, sandbox)).rejects.toThrow('nic0');
    host.execute(linkDelete({ index: other.index }));
    await links.moveOut(taken, asked, sandbox);
    expect(hostState(host)).toBe(before);
  });

  it('succeeds, and says so, when the pod has deleted the link', async () => {
    const taken = await snapshot();
    const { linkIndex = 0 } = await links.moveIn(taken, setup, sandbox);
    inPod((socket) => socket.execute(linkDelete({ index: linkIndex })));
    await links.moveOut(taken, setup, sandbox);
    expect(warnings).toEqual([{ link: 'nic0' }]);
  });
});
