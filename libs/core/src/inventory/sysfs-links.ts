import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Link } from '@patchbay/netlink';

/** The piece of hardware that a link is the interface of, as sysfs describes it. */
export interface LinkHardware {
  /** Name of its kernel driver. */
  readonly driver: string | undefined;
  /** PCI identifiers as sysfs writes them, `0x8086`. */
  readonly vendor: string | undefined;
  readonly device: string | undefined;
  /** PCI identifiers of the card's maker, `0x15d9:0x1521`. */
  readonly subsystem: string | undefined;
  /** Below 0 when the machine does not say. */
  readonly numaNode: number | undefined;
  /** Root complex of the bus that it is on: `pci0000:3a`. */
  readonly pcieRoot: string | undefined;
  /** How many virtual functions it can have; 0 when it is no physical function. */
  readonly totalVfs: number;
  /** Whether it is a virtual function. */
  readonly isVf: boolean;
}

interface Known {
  readonly name: string;
  readonly readAt: number;
  readonly hardware: LinkHardware | undefined;
  readonly carrierChanges: number | undefined;
  readonly up: boolean;
  /** Bits per second. */
  readonly speed: number | undefined;
}

/** After so long all is read again, in milliseconds: nobody tells of changes in sysfs. */
const longestKnownMs = 45_000;
const mostKnown = 4096;

/**
 * What sysfs says of links (Documentation/ABI/testing/sysfs-class-net, sysfs-bus-pci), remembered: reading costs a hundred times what a
 * dump of netlink does, and a speed waits for the lock that moving a link holds.
 */
export class SysfsLinks {
  readonly #root: string;
  readonly #known = new Map<number, Known>();

  /** @param root where sysfs is mounted, `/sys` but in tests */
  constructor(root = '/sys') {
    this.#root = root;
  }

  /** The hardware of a link; undefined for software links. */
  hardware(link: Link): LinkHardware | undefined {
    return this.#look(link).hardware;
  }

  /** Speed of a link in bits per second; undefined when it is down, virtual or does not say. */
  speed(link: Link): number | undefined {
    return this.#look(link).speed;
  }

  #look(link: Link): Known {
    const { index, name, carrierChanges, up } = link;
    const now = performance.now();
    const known = this.#known.get(index);
    const isHardwareKnown = known?.name === name && now - known.readAt < longestKnownMs;
    // A card negotiates a new speed only after it has lost its carrier.
    if (isHardwareKnown && known.carrierChanges === carrierChanges && known.up === up) return known;
    const read: Known = {
      ...{ name, carrierChanges, up },
      readAt: isHardwareKnown ? known.readAt : now,
      hardware: isHardwareKnown ? known.hardware : readHardware(this.#root, name),
      speed: readSpeed(this.#root, name),
    };
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.set(index, read);
    return read;
  }
}

function readSpeed(root: string, name: string): number | undefined {
  const megabits = Number(read(join(root, 'class/net', name, 'speed')));
  return Number.isFinite(megabits) && megabits > 0 ? megabits * 1_000_000 : undefined;
}

function readHardware(root: string, name: string): LinkHardware | undefined {
  const folder = join(root, 'class/net', name, 'device');
  let path: string;
  try {
    path = realpathSync(folder);
  } catch {
    // Software links have no device.
    return undefined;
  }
  const of = (file: string) => read(join(folder, file));
  const [numaNode, maker, model] = [of('numa_node'), of('subsystem_vendor'), of('subsystem_device')];
  return {
    driver: linkTarget(join(folder, 'driver')),
    vendor: of('vendor'),
    device: of('device'),
    subsystem: maker === undefined || model === undefined ? undefined : `${maker}:${model}`,
    numaNode: numaNode === undefined ? undefined : Number(numaNode),
    pcieRoot: /\/(pci[0-9a-f]{4,}:[0-9a-f]{2})\//.exec(path)?.[1],
    totalVfs: Number(of('sriov_totalvfs') ?? 0),
    isVf: existsSync(join(folder, 'physfn')),
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}
