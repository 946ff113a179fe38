import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { BackendRegistry } from '../backend/backend-registry.ts';
import type { Device } from '../backend/device.ts';
import { silentLogger } from '../logging/logger.ts';
import { FakeBackend } from '../testing/fake-backend.ts';
import { deviceHealth } from './device-health.ts';
import { devicePools } from './device-pools.ts';
import type { HeldInventoryDevice } from './held-devices.ts';
import { Inventory, type InventoryOptions, type StateInPod } from './inventory.ts';

function device(name: string, changes: Partial<Device> = {}): Device {
  return { name, identity: `fake/${name}`, attributes: {}, ...changes };
}

/** An inventory of one backend, what claims hold, and what pods' links are like. */
function inventoryOf(...devices: readonly Device[]) {
  return inventoryWith({}, ...devices);
}

/** The same with options. */
function inventoryWith(options: Partial<InventoryOptions>, ...devices: readonly Device[]) {
  const backend = new FakeBackend();
  backend.devices = devices;
  const held: HeldInventoryDevice[] = [];
  const inPods = new Map<string, StateInPod>();
  const inventory = new Inventory({
    backends: new BackendRegistry([{ kind: 'fake', backend }]),
    heldDevices: () => held,
    stateInPod: (_kind, name) => inPods.get(name),
    logger: silentLogger,
    ...options,
  });
  const hold = (one: Device, away: boolean) => held.push({ kind: 'fake', device: one, away });
  const published = () => devicePools('node', inventory.devices).flatMap((pool) => pool.devices);
  const taints = () =>
    published().map(({ name, taints: found = [] }) => [name, ...found.map(({ key }) => key)]);
  const health = () =>
    deviceHealth('node', inventory.devices).map(({ device: name, health: how }) => [name, how]);
  return { inventory, backend, hold, held, inPods, published, taints, health };
}

describe('a device that several claims may have', () => {
  const network = device('blue', {
    shares: 3,
    interfaceName: 'blue',
    capacity: { 'patchbay.dev/bandwidth': { value: '1000' } },
  });

  it('is published once, each share taking one of its links and what it asks for of the rest', async () => {
    const { inventory, published } = inventoryOf(network);
    inventory.sharing = 'consumable';
    await inventory.refresh();
    expect(published()).toEqual([
      {
        name: 'blue',
        attributes: { 'patchbay.dev/backend': { string: 'fake' } },
        allowMultipleAllocations: true,
        capacity: {
          'patchbay.dev/links': { value: '3', requestPolicy: { default: '1', validValues: ['1'] } },
          'patchbay.dev/bandwidth': {
            value: '1000',
            requestPolicy: { default: '0', validRange: { min: '0' } },
          },
        },
      },
    ]);
  });

  it('is published as so many devices where the API server does not know consumable capacity', async () => {
    const { inventory, published } = inventoryOf(network);
    await inventory.refresh();
    expect(published().map(({ name }) => name)).toEqual(['blue-0', 'blue-1', 'blue-2']);
    expect(published()[0]).not.toHaveProperty('capacity');
    expect(published()[0]).not.toHaveProperty('allowMultipleAllocations');
    expect(inventory.device('fake', 'blue-2')).toMatchObject({
      identity: 'fake/blue/2',
      interfaceName: 'blue-2',
    });
  });

  it('changes its form when the API server changes, and is found in the other one, which claims may have', async () => {
    const { inventory, published } = inventoryOf(network);
    await inventory.refresh();
    inventory.sharing = 'consumable';
    expect(published().map(({ name }) => name)).toEqual(['blue']);
    expect(inventory.device('fake', 'blue-1')?.identity).toBe('fake/blue/1');
    inventory.sharing = 'discrete';
    expect(published()).toHaveLength(3);
    expect(inventory.device('fake', 'blue')?.allowMultipleAllocations).toBe(true);
  });

  it('stays as it is now while claims hold shares of it, since others may take more', async () => {
    const { inventory, backend, hold, taints } = inventoryOf({ ...network, carrier: true });
    inventory.sharing = 'consumable';
    await inventory.refresh();
    hold(inventory.device('fake', 'blue') ?? network, true);
    backend.devices = [{ ...network, carrier: false }];
    await inventory.refresh();
    expect(taints()).toEqual([['blue', 'patchbay.dev/no-carrier']]);
    backend.devices = [];
    await inventory.refresh();
    expect(taints()).toEqual([['blue', 'patchbay.dev/gone']]);
  });

  it('of which there is but one share is an ordinary device', async () => {
    const { inventory, published } = inventoryOf({ ...network, shares: 1 });
    inventory.sharing = 'consumable';
    await inventory.refresh();
    expect(published()).toMatchObject([
      { name: 'blue', capacity: { 'patchbay.dev/bandwidth': { value: '1000' } } },
    ]);
    expect(published()[0]).not.toHaveProperty('allowMultipleAllocations');
  });
});

describe('a link without carrier', () => {
  it('taints its device as configured and makes it unhealthy; an administratively down link does neither', async () => {
    const { inventory, taints, health } = inventoryOf(
      device('connected', { carrier: true }),
      device('down'),
      device('pulled', { carrier: false }),
    );
    await inventory.refresh();
    expect(taints()).toEqual([['connected'], ['down'], ['pulled', 'patchbay.dev/no-carrier']]);
    expect(health()).toEqual([
      ['connected', 'healthy'],
      ['down', 'healthy'],
      ['pulled', 'unhealthy'],
    ]);
    const effects = (['NoSchedule', 'NoExecute', 'None', 'off'] as const).map(
      (effect) => devicePools('node', inventory.devices, effect)[0]?.devices[2]?.taints?.[0]?.effect,
    );
    expect(effects).toEqual(['NoSchedule', 'NoExecute', 'None', undefined]);
  });

  it('is told of a device that is in a pod, and so is that it is gone there, without looking at the host', async () => {
    const { inventory, backend, hold, inPods, taints, health } = inventoryOf(
      device('nic', { carrier: true }),
    );
    await inventory.refresh();
    hold(device('nic', { carrier: true }), true);
    backend.devices = [];
    await inventory.refresh();
    expect([taints(), health()]).toEqual([[['nic']], [['nic', 'healthy']]]);
    inPods.set('nic', 'no-carrier');
    inventory.settle();
    expect([taints(), health()]).toEqual([[['nic', 'patchbay.dev/no-carrier']], [['nic', 'unhealthy']]]);
    inPods.set('nic', 'carrier');
    inventory.settle();
    expect([taints(), health()]).toEqual([[['nic']], [['nic', 'healthy']]]);
    inPods.set('nic', 'gone');
    inventory.settle();
    expect([taints(), health()]).toEqual([[['nic', 'patchbay.dev/gone']], [['nic', 'unhealthy']]]);
  });
});

describe('a device that is back from a pod', () => {
  /** A card that was in a pod and has no carrier on the host yet. */
  async function back(inPod: StateInPod) {
    const rig = inventoryWith({ carrierGraceMs: 60 }, device('nic', { carrier: false }));
    rig.hold(device('nic', { carrier: true }), true);
    rig.inPods.set('nic', inPod);
    await rig.inventory.refresh();
    rig.inPods.delete('nic');
    rig.held.pop();
    await rig.inventory.refresh();
    return rig;
  }
  const lost = [['nic', 'patchbay.dev/no-carrier']];

  it('may look for its carrier for a while', async () => {
    const { taints } = await back('carrier');
    expect(taints()).toEqual([['nic']]);
    await vi.waitFor(() => expect(taints()).toEqual(lost));
  });

  it('has lost its carrier when that was there and went', async () => {
    const { inventory, backend, taints } = await back('carrier');
    backend.devices = [device('nic', { carrier: true })];
    await inventory.refresh();
    expect(taints()).toEqual([['nic']]);
    backend.devices = [device('nic', { carrier: false })];
    await inventory.refresh();
    expect(taints()).toEqual(lost);
  });

  it('has none when it had none in the pod', async () => {
    const { taints } = await back('no-carrier');
    expect(taints()).toEqual(lost);
  });
});

describe('a device that another one is built on', () => {
  it('is not published while a claim holds that one, wherever it is, unless it may be shared', async () => {
    const vlan = device('eth1.7', { links: [5], builtOn: [2] });
    const { inventory, hold, held, published } = inventoryOf(
      device('eth1', { links: [2] }),
      device('net', { links: [2], shares: 2 }),
    );
    const names = () => published().map(({ name }) => name);
    hold(vlan, true);
    await inventory.refresh();
    expect(names()).toEqual(['eth1.7', 'net-0', 'net-1']);
    held.pop();
    await inventory.refresh();
    expect(names()).toEqual(['eth1', 'net-0', 'net-1']);
  });
});

it('many changes of links in pods are taken together, the first at once and the last soon', async () => {
  const { inventory, hold, inPods, taints } = inventoryOf();
  hold(device('nic', { carrier: true }), true);
  await inventory.refresh();
  await sleep(50);
  const listener = vi.fn();
  inventory.onChange(listener);
  for (let flap = 0; flap < 21; flap++) {
    inPods.set('nic', flap % 2 === 0 ? 'no-carrier' : 'carrier');
    inventory.settleSoon();
    if (flap === 0) expect(taints()).toEqual([['nic', 'patchbay.dev/no-carrier']]);
  }
  inPods.set('nic', 'carrier');
  inventory.settleSoon();
  await vi.waitFor(() => expect(taints()).toEqual([['nic']]));
  expect(listener).toHaveBeenCalledTimes(2);
});

it('asks nothing more of what claims hold once it has ended, whatever was still to come', async () => {
  const heldDevices = vi.fn((): HeldInventoryDevice[] => []);
  const { inventory } = inventoryWith({ heldDevices, carrierGraceMs: 20 }, device('nic', { carrier: false }));
  heldDevices.mockReturnValueOnce([{ kind: 'fake', device: device('nic', { carrier: true }), away: true }]);
  inventory.settle();
  // Its carrier's time begins, and a change in a pod comes too soon after the last to be looked at now.
  inventory.settle();
  inventory.settleSoon();
  const looking = inventory.refresh();
  inventory[Symbol.dispose]();
  const asked = heldDevices.mock.calls.length;
  await looking;
  inventory.settleSoon();
  await sleep(60);
  expect(heldDevices).toHaveBeenCalledTimes(asked);
});

describe('a held device that is not on the host', () => {
  it('is gone when it is in no pod, and well again when it is back', async () => {
    const { inventory, backend, hold, taints } = inventoryOf();
    hold(device('nic'), false);
    await inventory.refresh();
    expect(taints()).toEqual([['nic', 'patchbay.dev/gone']]);
    backend.devices = [device('nic')];
    await inventory.refresh();
    expect(taints()).toEqual([['nic']]);
  });

  it('is not called gone for an old look at the host after it has come back from its pod', async () => {
    const { inventory, hold, held, taints } = inventoryOf();
    hold(device('nic'), true);
    await inventory.refresh();
    held[0] = { kind: 'fake', device: device('nic'), away: false };
    inventory.settle();
    expect(taints()).toEqual([['nic']]);
  });

  it('is not called gone for a look at the host during which it was taken into a pod', async () => {
    const { inventory, backend, hold, held, taints } = inventoryOf();
    hold(device('nic'), false);
    const list = vi.spyOn(backend.discovery, 'list').mockImplementation(async () => {
      held[0] = { kind: 'fake', device: device('nic'), away: true };
      return [];
    });
    await inventory.refresh();
    expect(list).toHaveBeenCalledTimes(2);
    expect(taints()).toEqual([['nic']]);
  });

  it('is not called gone because its backend cannot look', async () => {
    const { inventory, backend, hold, taints } = inventoryOf();
    hold(device('nic'), false);
    vi.spyOn(backend.discovery, 'list').mockRejectedValue(new Error('no memory'));
    await inventory.refresh();
    expect(taints()).toEqual([['nic']]);
  });

  it('stays published when it is let go, until it was looked for', async () => {
    const { inventory, backend, hold, held, published } = inventoryOf();
    hold(device('nic'), true);
    await inventory.refresh();
    held.pop();
    inventory.settle();
    expect(published()).toHaveLength(1);
    backend.devices = [device('nic')];
    await inventory.refresh();
    expect(published()).toHaveLength(1);
    backend.devices = [];
    await inventory.refresh();
    expect(published()).toHaveLength(0);
  });

  it('is well when it is there, also for a claim that was prepared while it was gone', async () => {
    const { inventory, backend, hold, held, taints } = inventoryOf();
    hold(device('nic'), false);
    await inventory.refresh();
    const gone = inventory.device('fake', 'nic') ?? device('nic');
    expect(gone).toHaveProperty('gone', true);
    held[0] = { kind: 'fake', device: gone, away: false };
    backend.devices = [device('nic')];
    await inventory.refresh();
    expect(taints()).toEqual([['nic']]);
  });
});
