import type { Link } from '@patchbay/netlink';
import type { HostdevConfig } from './hostdev-config.ts';

/** Whether the configuration offers a link: by default network hardware, else what one of its entries describes. */
export function isSelected(link: Link, { links }: HostdevConfig): boolean {
  if (links === undefined) return link.parentDevice !== undefined;
  return links.some(
    ({ name, pciAddress, hardwareAddress, kind }) =>
      matches(name, [link.name, ...link.altnames]) &&
      matches(pciAddress, link.parentDevice?.bus === 'pci' ? [link.parentDevice.name] : []) &&
      matches(hardwareAddress, link.address === undefined ? [] : [link.address]) &&
      matches(kind, link.kind === undefined ? [] : [link.kind]),
  );
}

function matches(pattern: string | undefined, candidates: readonly string[]): boolean {
  return pattern === undefined || candidates.some((candidate) => globMatches(pattern, candidate));
}

function globMatches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(text);
}
