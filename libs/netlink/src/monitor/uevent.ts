/** A change of a device, as the kernel's device model reports it. */
export interface Uevent {
  /** `add`, `remove`, `change`, `move`, `online`, `offline`, `bind`, `unbind`. */
  readonly action: string;
  /** Path under `/sys`, such as `/devices/pci0000:00/0000:00:03.0/net/eth0`. */
  readonly devicePath: string;
  /** Such as `net`, `pci`, `infiniband`. */
  readonly subsystem?: string;
  /** Everything that was sent, by name: `INTERFACE`, `IFINDEX`, `DEVPATH_OLD`, … */
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * Decodes a kernel uevent: a summary line, then `NAME=value` lines, each ended by a zero byte (lib/kobject_uevent.c).
 *
 * @returns undefined for anything else, such as udev's own messages
 */
export function decodeUevent(bytes: Buffer, length: number): Uevent | undefined {
  const [summary = '', ...lines] = bytes.toString('utf8', 0, length).split('\0');
  const at = summary.indexOf('@');
  if (at <= 0) return undefined;
  const properties: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals > 0) properties[line.slice(0, equals)] = line.slice(equals + 1);
  }
  const subsystem = properties['SUBSYSTEM'];
  return {
    action: properties['ACTION'] ?? summary.slice(0, at),
    devicePath: properties['DEVPATH'] ?? summary.slice(at + 1),
    ...(subsystem === undefined ? {} : { subsystem }),
    properties: { ...properties },
  };
}
