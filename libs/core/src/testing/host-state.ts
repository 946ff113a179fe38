import { type Address, addressFlags, type Route, type RouteSocket, routeTables } from '@patchbay/netlink';
import { linkSettings } from '../links/link-snapshot/link-settings.ts';
import { identity } from '../links/link-snapshot/snapshot-routes.ts';

/** `IFAPROT_KERNEL_LL` (linux/if_addr.h). */
const kernelLinkLocal = 3;

/**
 * All of a namespace that a driver must leave as it was, as one comparable text: links with what is configured on them, addresses, routes of
 * all tables, rules, permanent and proxy neighbours. What the kernel counts or decides by itself, or makes when a carrier comes, is left out.
 * Cheap; `hostConfiguration` shows more.
 */
export function hostState(socket: RouteSocket): string {
  const links = socket.links();
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const named = ({ linkIndex, ...object }: { readonly linkIndex?: number }) =>
    JSON.stringify({ link: names.get(linkIndex ?? 0), ...object });
  return [
    ...links
      .map((link) => {
        const { name, altnames, alias, kind, mtu, address, up, master, txQueueLength } = link;
        return JSON.stringify({
          ...{ name, altnames, alias, kind, mtu, address, up, txQueueLength },
          master: names.get(master ?? 0),
          ...linkSettings(link),
        });
      })
      .sort(),
    ...socket.addresses().flatMap(configured).map(named).sort(),
    ...socket
      .routes()
      .filter(isConfigured)
      .map((route) => `${names.get(route.linkIndex ?? 0)} ${identity({ ...route, linkIndex: 0 })}`)
      .sort(),
    ...socket.rules().map((rule) => JSON.stringify(rule)),
    ...[false, true]
      .flatMap((proxy) => socket.neighbours({ proxy }))
      .filter(({ state, flags }) => state === 0x80 || (flags & 0x8) !== 0)
      .map(named)
      .sort(),
  ].join('\n');
}

function configured(address: Address): Omit<Address, 'preferredLifetime' | 'validLifetime'>[] {
  const { preferredLifetime: _preferred, validLifetime: _valid, ...rest } = address;
  if (address.protocol === kernelLinkLocal) return [];
  const passing = addressFlags.tentative | addressFlags.dadfailed;
  return [{ ...rest, flags: rest.flags & ~passing }];
}

function isConfigured({ table, destination, protocol }: Route): boolean {
  return (table !== routeTables.local || protocol !== 2) && !/^f[ef]/.test(destination);
}
