import type { RouteSocket } from '@patchbay/netlink';

/**
 * All of a namespace that a driver must leave as it was, as one comparable text: links with what is configured on them, addresses, routes,
 * rules. What the kernel counts or decides by itself is left out.
 */
export function hostState(socket: RouteSocket): string {
  const links = socket.links();
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return [
    ...links
      .map(({ name, altnames, alias, kind, mtu, address, up, master, txQueueLength }) =>
        JSON.stringify({
          name,
          altnames,
          alias,
          kind,
          mtu,
          address,
          up,
          master: names.get(master ?? 0),
          txQueueLength,
        }),
      )
      .sort(),
    ...socket
      .addresses()
      .filter(({ scope }) => scope !== 'link')
      .map(({ linkIndex, address, scope }) => JSON.stringify({ link: names.get(linkIndex), address, scope }))
      .sort(),
    ...socket
      .routes()
      .filter(({ table, destination }) => table === 254 && !destination.startsWith('fe80:'))
      .map(({ linkIndex, destination, gateway, metric, scope, source }) =>
        JSON.stringify({ link: names.get(linkIndex ?? 0), destination, gateway, metric, scope, source }),
      )
      .sort(),
    ...socket.rules().map((rule) => JSON.stringify(rule)),
  ].join('\n');
}
