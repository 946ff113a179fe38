import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type AttachStrategy,
  BACKEND,
  BackendContainer,
  type Device,
  DeviceNotFoundError,
  HOST_LINKS,
  HOST_ROUTES,
  HostLinks,
  InterfaceConflictError,
  type JsonObject,
  MOVED_LINKS,
  MovedLinks,
  NamespacePins,
  type PodSandbox,
  silentLogger,
} from '@patchbay/core';
import { backendContract, hostState } from '@patchbay/core/testing';
import {
  addressAdd,
  addressDelete,
  type Link,
  linkAddAltname,
  linkDelete,
  linkDeleteAltname,
  linkSet,
  NetworkNamespace,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hostdevConfigSchema } from './hostdev-config.ts';
import { hostdevModule } from './hostdev-module.ts';

const { signal } = new AbortController();
const card = 'eth0';
const altnames = ['card-left', 'enp1s0'];

execFileSync('modprobe', ['igb']);
const pciAddress = basename(realpathSync(`/sys/class/net/${card}/device`));

/** The card as an administrator set it up. */
function configureCard(host: RouteSocket): void {
  const { index } = cardOnHost(host) ?? unexpected('the card is not on the host');
  host.execute(
    linkSet(index, { up: true, mtu: 4000, alias: 'left card', txQueueLength: 500 }),
    linkSet(index, { address: '52:54:00:aa:00:99' }),
    linkAddAltname(index, altnames),
    addressAdd({ linkIndex: index, address: '198.51.100.10/24' }),
    addressAdd({ linkIndex: index, address: '2001:db8::10/64' }),
    routeAdd({ linkIndex: index, destination: '203.0.113.0/24', gateway: '198.51.100.1', metric: 50 }),
    routeAdd({ linkIndex: index, destination: '2001:db8:1::/48', gateway: '2001:db8::1' }),
  );
}

/** The card as its driver made it, whatever a failed test made of it. */
function resetCard(host: RouteSocket): void {
  for (const { index, kind } of host.links()) if (kind === 'dummy') host.execute(linkDelete({ index }));
  const link = cardOnHost(host);
  if (link === undefined) return;
  const { index, mtu, permanentAddress = '' } = link;
  for (const { address, scope } of host.addresses({ linkIndex: index })) {
    if (scope !== 'link') host.execute(addressDelete({ linkIndex: index, address }));
  }
  if (link.altnames.length > 0) host.execute(linkDeleteAltname(index, link.altnames));
  const changes = { alias: '', txQueueLength: 1000, address: permanentAddress };
  host.execute(linkSet(index, { up: false, name: card, ...changes, ...(mtu === 1500 ? {} : { mtu: 1500 }) }));
}

/** Waits for the carrier, a second or two: until then what is published of the card changes by itself. */
function awaitCarrier(host: RouteSocket): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (const end = Date.now() + 10_000; cardOnHost(host)?.carrier !== true; Atomics.wait(clock, 0, 0, 20)) {
    if (Date.now() > end) unexpected('the card has no carrier after ten seconds');
  }
}

function cardOnHost(host: RouteSocket): Link | undefined {
  return host.links().find(({ parentDevice }) => parentDevice?.name === pciAddress);
}

function unexpected(what: string): never {
  throw new Error(what);
}

backendContract({
  module: hostdevModule,
  config: { links: [{ pciAddress }] },
  setUp(host) {
    configureCard(host);
    awaitCarrier(host);
  },
  tearDown: resetCard,
  parameters: {
    interface: {
      name: 'fast0',
      addresses: ['10.20.0.1/24', '2001:db8:20::1/64'],
      // No MTU: each change of it resets the card for a third of a second. The tests below have one.
      ...{ hardwareAddress: '02:00:5e:00:53:01' },
    },
    ...{ routes: [{ destination: '10.99.0.0/16', gateway: '10.20.0.254' }] },
  },
});

describe('network hardware', () => {
  let state: string;
  let host: RouteSocket;
  let own: NetworkNamespace;
  let pod: NetworkNamespace;
  let sandbox: PodSandbox;

  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'hostdev-'));
    host = RouteSocket.open();
    own = NetworkNamespace.own();
    pod = NetworkNamespace.create();
    sandbox = {
      ...{ podUID: 'pod-uid', podName: 'pod', podNamespace: 'default', sandboxId: 'sandbox' },
      networkNamespacePath: pod.path,
    };
  });
  afterEach(async () => {
    pod.close();
    await cardIsBack();
    resetCard(host);
    host.close();
    own.close();
    rmSync(state, { recursive: true });
  });

  /** One life of the driver. */
  function backend(config: object = {}) {
    const container = BackendContainer.create('the test');
    container.provide(HOST_ROUTES, () => host);
    container.provide(HOST_LINKS, () => new HostLinks(host));
    container.provide(
      MOVED_LINKS,
      () => new MovedLinks(host, own, new NamespacePins(join(state, 'namespaces')), silentLogger),
    );
    hostdevModule.register(container, hostdevConfigSchema.parse(config));
    return container.resolve(BACKEND);
  }

  async function cardDevice(): Promise<Device> {
    const devices = await backend().discovery.list(signal);
    return devices.find(({ identity }) => identity === `pci/${pciAddress}`) ?? unexpected('no such device');
  }

  async function prepare(name: string): Promise<JsonObject> {
    const prepared = await backend().attach.prepare(
      {
        claim: { uid: 'claim-uid', namespace: 'default', name: 'claim' },
        request: 'net',
        device: await cardDevice(),
        interface: { name, addresses: ['10.20.0.1/24'], routes: [], mtu: 3000 },
        parameters: {},
      },
      signal,
    );
    return JSON.parse(JSON.stringify(prepared)) as JsonObject;
  }

  function cardIsBack(): Promise<Link> {
    return vi.waitFor(() => cardOnHost(host) ?? unexpected('the card has not come back'), {
      timeout: 10_000,
    });
  }

  /** The pod dies with the card inside, and nobody is there to bring it back. */
  async function killPod(): Promise<Link> {
    expect(cardOnHost(host)).toBeUndefined();
    pod.close();
    return cardIsBack();
  }

  function detach(prepared: JsonObject): ReturnType<AttachStrategy['detach']> {
    return backend().attach.detach(prepared, sandbox, signal);
  }

  describe('that came back by itself from a namespace that died', () => {
    let before: string;

    beforeEach(() => {
      configureCard(host);
      before = hostState(host);
    });

    it.each([
      ['under its name', card],
      ['under the name that it had in the pod', 'fast0'],
    ])('%s is found by its PCI address and restored', async (_how, name) => {
      const prepared = await prepare(name);
      await backend().attach.attach(prepared, sandbox, signal);
      expect(await killPod()).toMatchObject({ name, up: false, mtu: 3000 });
      await detach(prepared);
      expect(hostState(host)).toBe(before);
      await detach(prepared);
      expect(hostState(host)).toBe(before);
    });

    it('under a name that the kernel chose, as the one it had in the pod is taken, is restored', async () => {
      const prepared = await prepare('fast0');
      await backend().attach.attach(prepared, sandbox, signal);
      const other = host.createLink({ name: 'fast0', kind: { kind: 'dummy' } });
      expect((await killPod()).name).toMatch(/^dev\d+$/);
      await detach(prepared);
      expect(host.link({ name: 'fast0' })?.index).toBe(other.index);
      host.execute(linkDelete({ index: other.index }));
      expect(hostState(host)).toBe(before);
    });

    it.each([
      ['name', card],
      ['alternative name', 'enp1s0'],
    ])('and whose %s is taken waits until that is free', async (_what, name) => {
      const prepared = await prepare('fast0');
      await backend().attach.attach(prepared, sandbox, signal);
      const thief = host.createLink({ name, kind: { kind: 'dummy' } });
      await killPod();
      const attempt = detach(prepared);
      await expect(attempt).rejects.toThrow(InterfaceConflictError);
      await expect(attempt).rejects.toThrow(`'${name}'`);
      expect(host.link({ index: thief.index })?.name).toBe(name);
      host.execute(linkDelete({ index: thief.index }));
      await detach(prepared);
      expect(hostState(host)).toBe(before);
    });
  });

  it.each([
    ['name', card],
    ['alternative name', 'enp1s0'],
  ])('leaves its pod even while its %s is taken, and waits for it on the host', async (_what, name) => {
    configureCard(host);
    const before = hostState(host);
    const prepared = await prepare('fast0');
    await backend().attach.attach(prepared, sandbox, signal);
    const thief = host.createLink({ name, kind: { kind: 'dummy' } });
    const attempt = detach(prepared);
    await expect(attempt).rejects.toThrow(InterfaceConflictError);
    await expect(attempt).rejects.toThrow(`'${name}'`);
    expect(cardOnHost(host)).toBeDefined();
    host.execute(linkDelete({ index: thief.index }));
    await detach(prepared);
    expect(hostState(host)).toBe(before);
  });

  it('is not forgotten while its namespace, which nobody can find any more, lives on', async () => {
    configureCard(host);
    const before = hostState(host);
    const prepared = await prepare('fast0');
    await backend().attach.attach(prepared, sandbox, signal);
    const lost = { ...sandbox, networkNamespacePath: '/run/netns/gone' };
    const attempt = backend().attach.detach(prepared, lost, signal);
    await expect(attempt).rejects.toThrow(DeviceNotFoundError);
    await expect(attempt).rejects.toThrow(pciAddress);
    await killPod();
    await backend().attach.detach(prepared, lost, signal);
    expect(hostState(host)).toBe(before);
  });

  it('is published by its PCI address, with what it is and where it sits', async () => {
    expect(readdirSync('/sys/bus/pci/devices')).toContain(pciAddress);
    const device = await cardDevice();
    expect(device.name).toBe(`pci-${pciAddress.replace(/[:.]/g, '-')}`);
    expect(device.name).toMatch(/^pci-0000-[0-9a-f]{2}-00-0$/);
    expect(device.interfaceName).toBe(card);
    expect(device.attributes).toMatchObject({
      'patchbay.dev/ifName': { string: card },
      'patchbay.dev/mac': { string: '52:54:00:aa:00:01' },
      'patchbay.dev/driver': { string: 'igb' },
      'patchbay.dev/pciAddress': { string: pciAddress },
      'patchbay.dev/pciVendor': { string: '0x8086' },
      'patchbay.dev/pciDevice': { string: '0x10c9' },
      'patchbay.dev/virtual': { bool: false },
      'resource.kubernetes.io/pciBusID': { string: pciAddress },
      'resource.kubernetes.io/pcieRoot': { string: 'pci0000:00' },
    });
  });

  it('has a capacity while it is connected', async () => {
    expect((await cardDevice()).capacity).toBeUndefined();
    host.execute(linkSet((await cardIsBack()).index, { up: true }));
    await vi.waitFor(
      async () =>
        expect((await cardDevice()).capacity).toEqual({ 'patchbay.dev/bandwidth': { value: '1000000000' } }),
      { timeout: 10_000 },
    );
  });

  it('is what is published without a configuration, and nothing else', async () => {
    host.createLink({ name: 'soft0', kind: { kind: 'dummy' } });
    const devices = await backend().discovery.list(signal);
    expect(devices.map(({ interfaceName }) => interfaceName).sort()).toEqual(['eth0', 'eth1']);
  });
});
