import type { ConfigIssue } from '../errors/driver-errors.ts';
import type { InterfaceSetup } from './interface-setup.ts';
import { addressRange, networkContains, parseIpPrefix } from './ip.ts';
import { isIpv6 } from './schema/address-schemas.ts';
import { addressSourceMistakes, hasAddressesToCome } from './schema/address-sources-schema.ts';
import { type RouteConfig, smallestIpv6Mtu } from './schema/route-schema.ts';

/**
 * Finds what contradicts itself only once all documents are merged. Without this check the kernel would refuse it while the pod starts, in
 * fewer words, or do nothing of it.
 *
 * @param routes as they were given, so that mistakes are named by their place there
 */
export function contradictions(setup: InterfaceSetup, routes: readonly RouteConfig[]): ConfigIssue[] {
  return [
    ...duplicates('interface.addresses', setup.addresses),
    // With addresses to come it is looked at again when they are there.
    ...(hasAddressesToCome(setup) || setup.inherit?.addresses === true
      ? []
      : routeMistakes(setup.addresses, routes)),
    ...addressSourceMistakes(setup),
    ...inheritMistakes(setup),
    ...duplicateRoutes(routes),
    ...connectedRoutes(setup, routes),
    ...duplicates('neighbours', setup.neighbours?.map(({ address }) => address) ?? [], '.address'),
    ...mtuMistakes(setup, routes),
    ...ipv6Mistakes(setup, routes),
    ...vrfMistakes(setup),
  ];
}

function duplicates(path: string, texts: readonly string[], member = ''): ConfigIssue[] {
  return texts.flatMap((text, index) =>
    texts.indexOf(text) < index
      ? [{ path: `${path}[${index}]${member}`, message: `'${text}' is given twice` }]
      : [],
  );
}

/** Routes that the kernel tells apart neither by destination nor by table and metric. */
function duplicateRoutes(routes: readonly RouteConfig[]): ConfigIssue[] {
  const key = ({ destination, table, metric }: RouteConfig) => `${destination} ${table} ${metric}`;
  const keys = routes.map(key);
  return routes.flatMap((route, index) => {
    const first = keys.indexOf(key(route));
    if (first === index) return [];
    const message = `'${route.destination}' is that of routes[${first}], too; give one of them another metric or table`;
    return [{ path: `routes[${index}].destination`, message }];
  });
}

/** The kernel makes the route to an address's network itself; for IPv4 one like it is refused, for IPv6 it would be the weaker of two. */
function connectedRoutes({ addresses }: InterfaceSetup, routes: readonly RouteConfig[]): ConfigIssue[] {
  return routes.flatMap(({ destination, gateway, table, metric = 0 }, index) => {
    if (gateway !== undefined || table !== undefined || metric !== 0) return [];
    const address = addresses.find((each) => parseIpPrefix(each)?.network === destination);
    if (address === undefined) return [];
    const message = `'${destination}' is the network of interface.addresses ${address}, to which the kernel makes the route itself; leave it out, or give it a metric`;
    return [{ path: `routes[${index}].destination`, message }];
  });
}

/** Gateways that cannot be reached and sources that the interface does not have. */
export function routeMistakes(addresses: readonly string[], routes: readonly RouteConfig[]): ConfigIssue[] {
  const onLink = [
    ...addresses,
    ...routes.filter((candidate) => candidate.gateway === undefined).map(({ destination }) => destination),
  ];
  return routes.flatMap(({ gateway, source, onlink, destination }, index) => {
    const mistakes: ConfigIssue[] = [];
    const linkLocal = gateway !== undefined && addressRange(gateway) === 'linkLocal' && isIpv6(gateway);
    if (
      gateway !== undefined &&
      onlink !== true &&
      !linkLocal &&
      !onLink.some((on) => networkContains(on, gateway))
    ) {
      mistakes.push({
        path: `routes[${index}].gateway`,
        message: `'${gateway}' (for ${destination}) is in no network of interface.addresses and behind no route without gateway; correct it, or set onlink: true`,
      });
    }
    if (source !== undefined && !addresses.some((address) => address.split('/')[0] === source)) {
      mistakes.push({
        path: `routes[${index}].source`,
        message: `'${source}' is none of interface.addresses (${addresses.join(', ') || 'none given'})`,
      });
    }
    return mistakes;
  });
}

/** An MTU with which the kernel would refuse the interface's IPv6 addresses and routes. */
function mtuMistakes({ mtu, addresses }: InterfaceSetup, routes: readonly RouteConfig[]): ConfigIssue[] {
  if (mtu === undefined || mtu >= smallestIpv6Mtu) return [];
  const needing = firstIpv6(addresses, routes);
  if (needing === undefined) return [];
  const message = `${mtu} is less than the ${smallestIpv6Mtu} bytes that IPv6 needs, and '${needing}' is IPv6; raise it or leave IPv6 out`;
  return [{ path: 'interface.mtu', message }];
}

function ipv6Mistakes(
  { sysctls, addresses, forwarding }: InterfaceSetup,
  routes: readonly RouteConfig[],
): ConfigIssue[] {
  const mistakes: ConfigIssue[] = [];
  const setting = (name: string) => `net.ipv6.conf.IFNAME.${name}`;
  const mistake = (name: string, message: string) =>
    mistakes.push({ path: `interface.sysctls.${setting(name)}`, message });
  const needing = firstIpv6(addresses, routes);
  if (sysctls?.[setting('disable_ipv6')] === 1 && needing !== undefined) {
    mistake('disable_ipv6', `1 switches IPv6 off, and '${needing}' is IPv6; leave one of them out`);
  }
  if (sysctls?.[setting('accept_ra')] === 1 && forwarding?.ipv6 === true) {
    mistake('accept_ra', '1 accepts no router advertisements while interface.forwarding is on; write 2');
  }
  return mistakes;
}

function firstIpv6(addresses: readonly string[], routes: readonly RouteConfig[]): string | undefined {
  return addresses.find(isIpv6) ?? routes.find(({ destination }) => isIpv6(destination))?.destination;
}

function inheritMistakes(setup: InterfaceSetup): ConfigIssue[] {
  if (setup.inherit?.addresses !== true || !hasAddressesToCome(setup)) return [];
  const source = setup.dhcp === undefined ? 'addressRange' : 'dhcp';
  const message = `contradicts interface.${source}, which gives the interface other addresses; write inherit: { routes: true }, or leave ${source} out`;
  return [{ path: 'interface.inherit.addresses', message }];
}

function vrfMistakes({ name, vrf }: InterfaceSetup): ConfigIssue[] {
  if (vrf?.name !== name) return [];
  return [
    { path: 'interface.vrf.name', message: `'${name}' is the interface's own name; choose another one` },
  ];
}
