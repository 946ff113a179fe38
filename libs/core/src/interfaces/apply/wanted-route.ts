import type { Route, RouteSpec } from '@patchbay/netlink';
import type { RouteSetup } from '../interface-setup.ts';
import { familyOf, tableOf } from './pod-state.ts';

/** The metric of IPv6 routes that are given none (`IP6_RT_PRIO_USER`, net/ipv6/route.c); of IPv4 ones it is 0. */
const ipv6Metric = 1024;
/** Of IPv6 default routes that go before others: the strongest that there is, as 0 is for IPv4. */
const strongestIpv6Metric = 1;

/** The route as the kernel is asked for it. */
export function routeSpec(route: RouteSetup, linkIndex: number): RouteSpec {
  const { destination, gateway, source, scope, table, metric, mtu, onlink, override } = route;
  const strongest = override === true && familyOf(route) === 6 ? strongestIpv6Metric : undefined;
  const chosen = metric ?? strongest;
  return {
    destination,
    linkIndex,
    scope: scope ?? (gateway === undefined ? 'link' : 'global'),
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
    ...(table === undefined ? {} : { table }),
    ...(chosen === undefined ? {} : { metric: chosen }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(onlink === undefined ? {} : { onlink }),
  };
}

/** The metric that the kernel gives a route. */
export function metricOf(route: Pick<RouteSpec, 'metric' | 'destination'>): number {
  const { metric = 0 } = route;
  return metric === 0 && familyOf(route) === 6 ? ipv6Metric : metric;
}

/** Whether the kernel takes two routes for ways to the same destination. */
export function sameDestination(wanted: RouteSetup, present: Route): boolean {
  return (
    present.destination === wanted.destination &&
    present.table === tableOf(wanted) &&
    (present.tos ?? 0) === 0 &&
    present.from === undefined
  );
}

/** A route in words. */
export function describeRoute({ destination, gateway, table, metric }: Partial<Route>): string {
  return [
    destination,
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    ...(metric === undefined ? [] : [`metric ${metric}`]),
    ...(table === undefined || table === 254 ? [] : [`in table ${table}`]),
  ].join(' ');
}
