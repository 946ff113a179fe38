import { Inventory, silentLogger, type Device } from '@patchbay/core';
import type { AttributeValue } from '@patchbay/dra';
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

/** `patchbay devices`: prints what would be published, without a cluster. */
export async function devices(options: { readonly config?: string; readonly output: string }): Promise<void> {
  const { config, backends }: LoadedDriverConfig =
    options.config === undefined
      ? parseDriverConfig(defaultConfig, backendModules, 'the default configuration')
      : loadDriverConfig(options.config, backendModules);
  using host = openHostServices(backends, config.state.directory, silentLogger);
  const inventory = new Inventory({ backends: host.backends, heldDevices: () => [], logger: silentLogger });
  await inventory.refresh();
  if (options.output === 'json') {
    console.log(JSON.stringify(inventory.devices, null, 2));
    return;
  }
  const table = new Table({
    head: ['BACKEND', 'DEVICE', 'ATTRIBUTES'],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const { kind, devices: found } of inventory.devices) {
    for (const device of found) table.push([kind, device.name, describe(device)]);
  }
  console.log(
    table.length === 0 ? 'No devices; see links in the configuration of the backends.' : table.toString(),
  );
}

function describe({ attributes, capacity = {} }: Device): string {
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
