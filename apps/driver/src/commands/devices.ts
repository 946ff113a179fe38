import { devicePools, Inventory, type Logger } from '@patchbay/core';
import type { AttributeValue, DevicePool } from '@patchbay/dra';
import { loadForeignLibraries } from '@patchbay/ffi';
import { useForeignLibraries } from '@patchbay/netlink';
import Table from 'cli-table3';
import { backendModules } from '../backends.ts';
import { openHostServices } from '../composition/host-services.ts';
import {
  loadDriverConfig,
  type LoadedDriverConfig,
  parseDriverConfig,
} from '../configuration/load-driver-config.ts';

/** What is shown without a configuration: all hardware, as the backend for whole links would publish it. */
const defaultConfig =
  'apiVersion: patchbay.dev/v1alpha1\nkind: DriverConfig\nbackends: [{ kind: hostdev }]\n';

/** `patchbay devices`: prints what would be published, without a cluster. Devices that are in pods now are not among them. */
export async function devices(options: { readonly config?: string; readonly output: string }): Promise<void> {
  const { config, backends }: LoadedDriverConfig =
    options.config === undefined
      ? parseDriverConfig(defaultConfig, backendModules, 'the default configuration')
      : loadDriverConfig(options.config, backendModules);
  useForeignLibraries(loadForeignLibraries(config.ffi));
  using host = openHostServices(backends, config.state.directory, complaints);
  const inventory = new Inventory({ backends: host.backends, heldDevices: () => [], logger: complaints });
  // As on an API server that knows consumable capacity; there is none to ask.
  inventory.sharing = config.devices.sharing === 'auto' ? 'consumable' : 'discrete';
  await inventory.refresh();
  const pools = devicePools(config.nodeName, inventory.devices, config.devices.carrierTaint);
  if (options.output === 'json') {
    console.log(JSON.stringify(pools, null, 2));
    return;
  }
  const found = pools.some((pool) => pool.devices.length > 0);
  console.log(
    found
      ? tableOf(pools)
      : `No devices: this node has nothing that the enabled backends (${host.backends.kinds.join(', ')}) are configured for, or it is the node's own wiring.`,
  );
}

/** What went wrong while looking belongs to the user of the command; the rest of a log does not. */
const complaints: Logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.error(`patchbay: ${message} ${JSON.stringify(fields)}`),
  error: (fields, message) => console.error(`patchbay: ${message} ${JSON.stringify(fields)}`),
  child: () => complaints,
};

function tableOf(pools: readonly DevicePool[]): string {
  const table = new Table({
    head: ['POOL', 'DEVICE', 'ATTRIBUTES'],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const { name, devices: published } of pools) {
    for (const device of published) table.push([name, device.name, describe(device)]);
  }
  return table.toString();
}

function describe({ attributes, capacity = {} }: DevicePool['devices'][number]): string {
  return [
    ...Object.entries(attributes).map(([name, value]) => `${shortName(name)}=${plain(value)}`),
    ...Object.entries(capacity).map(([name, { value }]) => `${shortName(name)}=${value}`),
  ].join(' ');
}

function shortName(name: string): string {
  return name.replace(/^patchbay\.dev\//, '');
}

function plain(value: AttributeValue): string {
  return String(Object.values(value)[0]);
}
