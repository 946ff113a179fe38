import { devicePools, Inventory } from '@patchbay/core';
import type { AttributeValue, DevicePool } from '@patchbay/dra';
import { loadForeignLibraries } from '@patchbay/ffi';
import { useForeignLibraries } from '@patchbay/netlink';
import { backendModules } from '../backends.ts';
import { type HostServices, openHostServices } from '../composition/host-services.ts';
import {
  loadDriverConfig,
  type LoadedDriverConfig,
  parseDriverConfig,
} from '../configuration/load-driver-config.ts';
import { complaints } from './complaints.ts';
import { tableOf } from './table.ts';

/** What is shown without a configuration: all hardware, as the backend for whole links would publish it. */
const defaultConfig =
  'apiVersion: patchbay.dev/v1alpha1\nkind: DriverConfig\nbackends: [{ kind: hostdev }]\n';

/** A link of the host that no device stands for. */
interface UnpublishedLink {
  readonly link: string;
  readonly why: string;
}

/** `patchbay devices`: prints what would be published, without a cluster. Devices that are in pods now are not among them. */
export async function devices(options: {
  readonly config?: string;
  readonly output: string;
  readonly all?: boolean;
}): Promise<void> {
  const { config, backends }: LoadedDriverConfig =
    options.config === undefined
      ? parseDriverConfig(defaultConfig, backendModules, 'the default configuration')
      : loadDriverConfig(options.config, backendModules);
  useForeignLibraries(loadForeignLibraries(config.ffi));
  using host = openHostServices({ config, backends, logger: complaints });
  const inventory = new Inventory({ backends: host.backends, heldDevices: () => [], logger: complaints });
  // As on an API server that knows consumable capacity; there is none to ask.
  inventory.sharing = config.devices.sharing === 'auto' ? 'consumable' : 'discrete';
  await inventory.refresh();
  const pools = devicePools(config.nodeName, inventory.devices, config.devices.carrierTaint);
  const unpublished = options.all === true ? await unpublishedLinks(host, inventory) : undefined;
  if (options.output === 'json') {
    console.log(JSON.stringify(unpublished === undefined ? pools : { pools, unpublished }, null, 2));
    return;
  }
  const found = pools.some((pool) => pool.devices.length > 0);
  console.log(
    found
      ? table(pools)
      : `No devices: this node has nothing that the enabled backends (${host.backends.kinds.join(', ')}) are configured for, or it is the node's own wiring${options.all === true ? '' : '; --all says it of each link'}.`,
  );
  if (unpublished === undefined) return;
  const rows = unpublished.map(({ link, why }) => [link, why]);
  console.log(tableOf(['LINK THAT IS NOT PUBLISHED', 'WHY'], rows));
}

async function unpublishedLinks(
  { hostLinks, backends }: HostServices,
  { devices: published }: Inventory,
): Promise<UnpublishedLink[]> {
  const { links, wiring } = await hostLinks.state();
  const isPublished = new Set(
    published.flatMap((backend) => backend.devices.flatMap(({ links: its = [] }) => its)),
  );
  const notSelected = `no enabled backend (${backends.kinds.join(', ')}) is configured to have it`;
  return links
    .filter(({ index }) => !isPublished.has(index))
    .map(({ index, name }) => ({ link: name, why: wiring.get(index) ?? notSelected }));
}

function table(pools: readonly DevicePool[]): string {
  return tableOf(
    ['POOL', 'DEVICE', 'ATTRIBUTES', 'TAINTS'],
    pools.flatMap(({ name, devices: published }) =>
      published.map((device) => [name, device.name, describe(device), taints(device)]),
    ),
  );
}

/** One a line, as `kubectl describe node` writes them: key, value, effect. */
function taints({ taints: all = [] }: DevicePool['devices'][number]): string {
  return all
    .map(({ key, value, effect }) => `${key}${value === undefined ? '' : `=${value}`}:${effect}`)
    .join('\n');
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
