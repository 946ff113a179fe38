import { type Route, routeAdd, routeDelete } from '@patchbay/netlink';
import type { RouteSetup } from '../interface-setup.ts';
import type { PodState } from './pod-state.ts';
import type { InterfaceStep } from './interface-step.ts';
import { describeRoute, metricOf, routeSpec, sameDestination } from './wanted-route.ts';

/**
 * Makes the pod's other default routes weaker than one that is to go before them. They stay, so that nothing has to be put back when the
 * interface goes: the kernel then takes its route away, and the others carry again. Two of the same metric would not do, because the
 * kernel chooses among those by what it knows of their gateways (`fib_select_default` in net/ipv4/fib_semantics.c).
 */
export function demotedDefaults(wanted: RouteSetup, linkIndex: number, state: PodState): InterfaceStep[] {
  if (wanted.override !== true) return [];
  const own = metricOf(routeSpec(wanted, linkIndex));
  const others = state.routes.filter(
    (present) => present.linkIndex !== linkIndex && sameDestination(wanted, present),
  );
  const taken = new Set([own, ...others.map(metricOf)]);
  return others
    .filter((route) => metricOf(route) <= own)
    .sort((left, right) => metricOf(left) - metricOf(right))
    .flatMap((route) => {
      let metric = own + 1;
      while (taken.has(metric)) metric++;
      taken.add(metric);
      return demote(route, metric);
    });
}

function demote(route: Route, metric: number): InterfaceStep[] {
  const purpose = () => `making the pod's route ${describeRoute(route)} weaker`;
  return [
    { request: routeAdd({ ...route, metric }), purpose },
    { request: routeDelete(route), purpose },
  ];
}
