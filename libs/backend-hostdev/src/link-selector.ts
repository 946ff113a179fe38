import { matchesLinkPattern } from '@patchbay/core';
import type { Link } from '@patchbay/netlink';
import type { HostdevConfig } from './hostdev-config.ts';

/** Whether the configuration offers a link: by default network hardware, else what one of its entries describes. */
export function isSelected(link: Link, { links }: HostdevConfig): boolean {
  if (links === undefined) return link.parentDevice !== undefined;
  return links.some((pattern) => matchesLinkPattern(link, pattern));
}
