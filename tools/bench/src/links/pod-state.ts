import type { Address, Link, Route, RouteSocket } from '@patchbay/netlink';

/** What a pod has besides its loopback, as the kernel tells it, without what is another number each time. */
export interface PodState {
  /** Without their alias: the driver marks what it must find again. With whether they announce their addresses. */
  readonly links: readonly (Partial<Link> & { readonly arpNotify?: number | undefined })[];
  /** Of IPv4: the kernel takes its time with the addresses of IPv6 that it makes itself. */
  readonly addresses: readonly (Partial<Address> & { readonly link: string })[];
  readonly routes: readonly (Partial<Route> & { readonly link: string })[];
}

/** Reads what the namespace of a socket has. */
export function readPodState(socket: RouteSocket): PodState {
  const links = socket.links().filter(({ encapsulation }) => encapsulation !== 'loopback');
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const named = <T extends { readonly linkIndex?: number }>({ linkIndex = 0, ...rest }: T) => ({
    ...rest,
    link: names.get(linkIndex) ?? '',
  });
  return {
    links: links.map(
      ({ index, parent: _p, parentNamespaceId: _n, carrierChanges: _c, alias: _a, ...link }) => ({
        ...link,
        arpNotify: socket.ipv4Configuration(index)?.arpNotify,
      }),
    ),
    addresses: socket.addresses({ family: 4 }).map(named),
    routes: socket.routes({ family: 4 }).map(named),
  };
}

/** What every contestant must have given the pod, in a form that can be compared: what was asked for, and nothing that they choose themselves. */
export function essentials({ links, addresses, routes }: PodState): readonly string[] {
  return [
    ...links.map(({ name, up, mtu, kind }) => `link ${name} ${up ? 'up' : 'down'} mtu ${mtu} kind ${kind}`),
    ...addresses.map(({ link, address }) => `address ${address} dev ${link}`),
    ...routes
      .filter(({ gateway }) => gateway !== undefined)
      .map(({ link, destination, gateway }) => `route ${destination} via ${gateway} dev ${link}`),
  ].sort();
}
