import type { Route, Rule } from '@patchbay/netlink';
import type { InterfaceSetup, RouteSetup } from '../interface-setup.ts';
import type { RuleConfig } from '../schema/rule-schema.ts';
import { ruleFamily } from '../schema/rule-schema.ts';
import type { PodState } from './pod-state.ts';
import { endOfTableMetric } from './pod-vrf.ts';
import { describeRoute, metricOf, routeSpec, sameDestination } from './wanted-route.ts';

/** Marks rules as the driver's (`RTPROT_*`, linux/rtnetlink.h, leaves the numbers from 5 on to programs; iproute2 knows no other user of this one). */
export const ruleProtocol = 80;

/**
 * Says what a setup asks for that the pod already has on another link, or otherwise than asked: what was wanted, what is there. The kernel
 * would refuse some of it in few words and let one of the two win silently in the rest.
 *
 * @param linkName names a link of the pod by its index
 */
export function interfaceConflicts(
  setup: InterfaceSetup,
  linkIndex: number,
  state: PodState,
  linkName: (index: number) => string,
): string[] {
  // Of a pod that has nothing of the kind there is nothing to say; most have a few addresses.
  if (state.addresses.length + state.routes.length + state.rules.length === 0) return [];
  return [
    ...addressConflicts(setup, linkIndex, state, linkName),
    ...setup.routes.flatMap((route) => routeConflict(route, linkIndex, state.routes, linkName) ?? []),
    ...(setup.rules ?? []).flatMap((rule) => ruleConflict(rule, state.rules) ?? []),
  ];
}

function addressConflicts(
  { addresses, vrf }: InterfaceSetup,
  linkIndex: number,
  state: PodState,
  linkName: (index: number) => string,
): string[] {
  // A VRF's addresses are its own.
  if (vrf !== undefined) return [];
  const bare = (address: string) => address.split('/')[0];
  return addresses.flatMap((wanted) => {
    const other = state.addresses.find(
      (present) => present.linkIndex !== linkIndex && bare(present.address) === bare(wanted),
    );
    if (other === undefined) return [];
    return [
      `address ${wanted} is wanted, and interface '${linkName(other.linkIndex)}' of the pod has ${other.address}; give the claim another address`,
    ];
  });
}

function routeConflict(
  wanted: RouteSetup,
  linkIndex: number,
  routes: readonly Route[],
  linkName: (index: number) => string,
): string | undefined {
  if (wanted.override === true) return undefined;
  const other = routes.find(
    (present) =>
      present.linkIndex !== linkIndex &&
      present.metric !== endOfTableMetric &&
      sameDestination(wanted, present) &&
      // An explicit metric says which of the two goes first, unless it is the same.
      (wanted.metric === undefined || metricOf(present) === metricOf(routeSpec(wanted, linkIndex))),
  );
  if (other === undefined) return undefined;
  const remedy = wanted.destination.endsWith('/0')
    ? 'set override: true to go before it, a metric of its own, or another table'
    : 'leave it out, or give it a metric of its own or another table';
  return `route ${describeRoute(wanted as Partial<Route>)} is wanted, and the pod has ${describeRoute(other)} ${place(other, linkName)}; ${remedy}`;
}

function place({ linkIndex, type }: Route, linkName: (index: number) => string): string {
  return linkIndex === undefined ? `(${type})` : `on interface '${linkName(linkIndex)}'`;
}

/** Whether a rule of the pod is the wanted one, whoever made it. */
export function sameRule(wanted: RuleConfig, present: Rule): boolean {
  return sameSelectors(wanted, present) && present.action === 'table' && present.table === wanted.table;
}

function sameSelectors(wanted: RuleConfig, present: Rule): boolean {
  const any = (prefix: string | undefined) => (prefix?.endsWith('/0') ? undefined : prefix);
  const mask = (mark: number | undefined, bits: number | undefined) =>
    mark === undefined ? undefined : (bits ?? 0xffff_ffff);
  return (
    present.family === ruleFamily(wanted) &&
    present.priority === wanted.priority &&
    any(present.source) === any(wanted.source) &&
    any(present.destination) === any(wanted.destination) &&
    (present.fwmark ?? 0) === (wanted.fwmark ?? 0) &&
    mask(present.fwmark, present.fwmask) === mask(wanted.fwmark, wanted.fwmask) &&
    present.iif === wanted.iif &&
    present.oif === wanted.oif &&
    present.invert !== true &&
    present.l3mdev !== true &&
    present.tos === undefined &&
    present.ipProtocol === undefined &&
    present.uidRange === undefined &&
    present.sourcePorts === undefined &&
    present.destinationPorts === undefined
  );
}

function ruleConflict(wanted: RuleConfig, rules: readonly Rule[]): string | undefined {
  const other = rules.find(
    (present) =>
      sameSelectors(wanted, present) && !(present.protocol === ruleProtocol && sameRule(wanted, present)),
  );
  if (other === undefined) return undefined;
  const consequence = other.action === 'table' ? `lookup ${other.table}` : other.action;
  return `rule ${describeRule(wanted)} is wanted, and the pod has one for the same packets with the same priority already (${consequence}, protocol ${other.protocol ?? 0}); give one of the two another priority`;
}

/** A rule in words, as `ip rule` writes it. */
export function describeRule({
  priority,
  source,
  destination,
  fwmark,
  fwmask,
  iif,
  oif,
  table,
}: RuleConfig): string {
  return [
    `${priority}: from ${source ?? 'all'}`,
    ...(destination === undefined ? [] : [`to ${destination}`]),
    ...(fwmark === undefined ? [] : [`fwmark ${fwmark}${fwmask === undefined ? '' : `/${fwmask}`}`]),
    ...(iif === undefined ? [] : [`iif ${iif}`]),
    ...(oif === undefined ? [] : [`oif ${oif}`]),
    `lookup ${table}`,
  ].join(' ');
}
