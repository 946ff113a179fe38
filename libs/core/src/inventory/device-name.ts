import { createHash } from 'node:crypto';

/**
 * The published name of a device: a DNS label (RFC 1123) of at most 63 characters. A name that is one already stays as it is; another is
 * made one, with a hash of the original so that two never become the same.
 */
export function deviceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  const readable = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return readable === '' ? `link-${hash}` : `${readable}-${hash}`;
}

/** The published name of a PCI device: `0000:8a:00.0` is `pci-0000-8a-00-0`. */
export function pciDeviceName(address: string): string {
  return deviceName(`pci-${address.replace(/[:.]/g, '-')}`);
}
