import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../backend/backend.ts';
import { BackendRegistry } from '../backend/backend-registry.ts';
import type { Device } from '../backend/device.ts';
import { type Logger, silentLogger } from '../logging/logger.ts';
import { FakeBackend } from '../testing/fake-backend.ts';
import type { HeldInventoryDevice } from './held-devices.ts';
import { Inventory, type InventoryOptions } from './inventory.ts';

function device(name: string, changes: Partial<Device> = {}): Device {
  return { name, identity: `fake/${name}`, attributes: {}, ...changes };
}

function backendWith(...devices: readonly Device[]): FakeBackend {
  const backend = new FakeBackend();
  backend.devices = devices;
  return backend;
}

/** An inventory of backends in the order of `backends`, what claims hold, and what it logs. */
function inventoryOf(backends: Readonly<Record<string, Backend>>, options: Partial<InventoryOptions> = {}) {
  const errors: { readonly fields: object; readonly message: string }[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (fields, message) => void errors.push({ fields, message }),
  };
  const held: HeldInventoryDevice[] = [];
  const inventory = new Inventory({
    backends: new BackendRegistry(Object.entries(backends).map(([kind, backend]) => ({ kind, backend }))),
    heldDevices: () => held,
    logger,
    ...options,
  });
  const names = () => inventory.devices.map(({ devices }) => devices.map(({ name }) => name));
  return { inventory, held, errors, names };
}

describe('Inventory', () => {
  const stopping: AbortController[] = [];
  afterEach(() => {
    for (const controller of stopping.splice(0)) controller.abort();
  });

  it('gives a link to the first backend in the configured order that finds it', async () => {
    const { inventory, names } = inventoryOf({
      first: backendWith(device('a', { links: [1] }), device('a2', { links: [1] })),
      second: backendWith(device('b', { links: [1] }), device('c', { links: [2] }), device('d')),
      third: backendWith(device('e', { links: [2] })),
    });
    await inventory.refresh();
    expect(names()).toEqual([['a', 'a2'], ['c', 'd'], []]);
  });

  it('orders devices by the numbers in their names', async () => {
    const { inventory, names } = inventoryOf({ fake: new FakeBackend('blue-10', 'blue-9', 'blue-1') });
    await inventory.refresh();
    expect(names()).toEqual([['blue-1', 'blue-9', 'blue-10']]);
  });

  it('keeps the devices found before when discovery fails, says so, and looks at the other backends', async () => {
    const failing = new FakeBackend('a');
    const other = new FakeBackend('b');
    const { inventory, names, errors } = inventoryOf({ failing, other });
    await inventory.refresh();
    failing.discovery.list = () => Promise.reject(new Error('no netlink today'));
    other.devices = [device('c')];
    await inventory.refresh();
    expect(names()).toEqual([['a'], ['c']]);
    expect(errors).toMatchObject([{ fields: { backend: 'failing', error: 'no netlink today' } }]);
  });

  it('keeps a held device as it was when it was prepared, whether it is found or not', async () => {
    const before = device('a', { attributes: { 'patchbay.dev/mtu': { int: 9000 } } });
    const backend = backendWith(device('a', { attributes: { 'patchbay.dev/mtu': { int: 1500 } } }));
    const { inventory, held, errors } = inventoryOf({ fake: backend });
    held.push({ kind: 'fake', device: before, away: true });
    await inventory.refresh();
    expect(inventory.device('fake', 'a')).toEqual(before);
    backend.devices = [];
    await inventory.refresh();
    expect(inventory.device('fake', 'a')).toEqual(before);
    held.pop();
    await inventory.refresh();
    expect(inventory.device('fake', 'a')).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it('publishes none of two devices with one name, keeps their links from other backends, and says so once', async () => {
    const twins = [
      device('a', { identity: 'one', links: [1] }),
      device('a', { identity: 'two', links: [2] }),
    ];
    const backend = backendWith(...twins, device('b'));
    const { inventory, names, errors } = inventoryOf({
      fake: backend,
      other: backendWith(device('c', { links: [2] })),
    });
    await inventory.refresh();
    await inventory.refresh();
    expect(names()).toEqual([['b'], []]);
    expect(errors).toEqual([
      {
        fields: { device: 'fake/a', identities: ['one', 'two'] },
        message: expect.stringContaining('several devices have one name; none is published'),
      },
    ]);
    backend.devices = twins.slice(1);
    await inventory.refresh();
    expect(inventory.device('fake', 'a')).toEqual(twins[1]);
  });

  it('finds none of two devices with one name for a claim, nor one whose link is of another backend', async () => {
    const { inventory } = inventoryOf({
      first: backendWith(device('nic', { links: [1] }), device('nic', { links: [2], identity: 'other' })),
      second: backendWith(device('net', { links: [1], shares: 2 })),
    });
    await inventory.refresh();
    const found = [inventory.device('first', 'nic'), inventory.device('second', 'net')];
    expect(found).toEqual([undefined, undefined]);
  });

  it('takes a device that is listed twice for one', async () => {
    const { inventory, names, errors } = inventoryOf({ fake: backendWith(device('a'), device('a')) });
    await inventory.refresh();
    expect([names(), errors]).toEqual([[['a']], []]);
  });

  it('keeps a held device when another appears under its name, and says so', async () => {
    const mine = device('a', { identity: 'mine' });
    const { inventory, held, errors } = inventoryOf({
      fake: backendWith(device('a', { identity: 'other' })),
    });
    held.push({ kind: 'fake', device: mine, away: true });
    await inventory.refresh();
    expect(inventory.device('fake', 'a')).toEqual(mine);
    expect(errors).toMatchObject([{ fields: { device: 'fake/a', identities: ['other', 'mine'] } }]);
  });

  it('tells its listeners when devices changed, and only then', async () => {
    const backend = new FakeBackend('a');
    const { inventory } = inventoryOf({ fake: backend });
    const listener = vi.fn();
    inventory.onChange(listener);
    await inventory.refresh();
    await inventory.refresh();
    expect(listener).toHaveBeenCalledTimes(1);
    backend.devices = [];
    await inventory.refresh();
    expect(listener).toHaveBeenLastCalledWith([{ kind: 'fake', devices: [] }]);
  });

  it('shares one look among concurrent calls', async () => {
    const backend = new FakeBackend('a');
    const list = vi.spyOn(backend.discovery, 'list');
    const { inventory } = inventoryOf({ fake: backend });
    await Promise.all([inventory.refresh(), inventory.refresh(), inventory.refresh()]);
    expect(list).toHaveBeenCalledTimes(1);
  });

  /** Runs an inventory; returns how often it has looked, and what a backend calls on a change. */
  async function running(options: Partial<InventoryOptions>) {
    const backend = new FakeBackend('a');
    const list = vi.spyOn(backend.discovery, 'list');
    const watch = vi.fn<Backend['discovery']['watch']>();
    const discovery = { list: backend.discovery.list, watch };
    const { inventory } = inventoryOf({ fake: { discovery, attach: backend.attach } }, options);
    const controller = new AbortController();
    stopping.push(controller);
    const ended = inventory.run(controller.signal);
    await vi.waitFor(() => expect(list).toHaveBeenCalledTimes(1));
    const changed = () => watch.mock.calls[0]?.[0]();
    return { list, changed, controller, ended };
  }

  it('gathers a burst of changes for the debounce and looks once', async () => {
    const { list, changed } = await running({ pace: { debounceMs: 200 } });
    for (let count = 0; count < 5; count++) {
      changed();
      await sleep(5);
    }
    await vi.waitFor(() => expect(list).toHaveBeenCalledTimes(2));
    await sleep(400);
    expect(list).toHaveBeenCalledTimes(2);
    changed();
    await vi.waitFor(() => expect(list).toHaveBeenCalledTimes(3));
  });

  it('looks without being told after the resync time', async () => {
    const { list } = await running({ pace: { debounceMs: 1 }, resyncMs: 20 });
    await vi.waitFor(() => expect(list.mock.calls.length).toBeGreaterThanOrEqual(3));
  });

  it('ends at once when it is told to', async () => {
    const { controller, ended } = await running({});
    controller.abort();
    await ended;
  });
});
