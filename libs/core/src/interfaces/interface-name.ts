import { createHash } from 'node:crypto';

/** Longest name of a link in bytes (`IFNAMSIZ` less the terminating zero, linux/if.h). */
const longestInterfaceName = 15;

/**
 * Says what is wrong with a name for a link, by the kernel's rules (`dev_valid_name` in net/core/dev.c), plus `%`, which the kernel
 * would take for a pattern.
 *
 * @returns undefined when the name is good
 */
export function interfaceNameMistake(name: string): string | undefined {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) return 'an interface name must not be empty';
  if (bytes > longestInterfaceName) {
    return `'${name}' has ${bytes} characters; an interface name has at most ${longestInterfaceName}`;
  }
  if (name === '.' || name === '..' || /[/:%\s]/.test(name)) {
    return `'${name}' is no interface name; leave out '/', ':', '%' and white space`;
  }
  return name === 'lo' ? "'lo' is the pod's loopback interface; choose another name" : undefined;
}

/** A valid interface name for a device: its own name if it fits, else its beginning and a hash that keeps two from becoming the same. */
export function interfaceNameFor(deviceName: string): string {
  if (Buffer.byteLength(deviceName) <= longestInterfaceName) return deviceName;
  const hash = createHash('sha256').update(deviceName).digest('hex').slice(0, 6);
  return `${deviceName.slice(0, longestInterfaceName - hash.length - 1)}-${hash}`;
}
