import {
  addressAdd,
  addressFlags,
  type Link,
  type LinkChanges,
  linkSet,
  neighbourReplace,
  routeAdd,
  routeReplace,
  type RouteRequest,
  ruleAdd,
} from '@patchbay/netlink';
import type { InterfaceSetup, RouteSetup } from '../interface-setup.ts';
import { addressLifetimes } from '../leased-address.ts';
import { isIpv6 } from '../schema/address-schemas.ts';
import { type RuleConfig, ruleFamily } from '../schema/rule-schema.ts';
import { demotedDefaults } from './demoted-defaults.ts';
import { describeRule, ruleProtocol, sameRule } from './interface-conflicts.ts';
import { ipv4Settings, wantsDetection } from './interface-sysctls.ts';
import type { PodState } from './pod-state.ts';
import { describeRoute, metricOf, routeSpec, sameDestination } from './wanted-route.ts';

/** One message to the kernel. */
export interface InterfaceStep {
  readonly request: RouteRequest;
  /** Says what it does, for the error when the kernel refuses it. */
  readonly purpose: () => string;
  /** Whether the interface is right without it. */
  readonly optional?: boolean;
  /** Whether it needs IPv6 to be switched on for the link. */
  readonly ipv6?: boolean;
}

/** A link as far as it is known: all of one that was there already, of a fresh one what it was made with. */
export type KnownLink = Pick<Link, 'index'> & Partial<Link>;

/**
 * The messages that bring a link from what it is to what its setup asks for, in an order in which the kernel takes them: settings and
 * addresses before it comes up, so that it is configured and announced from its first packet on; what needs it to be up behind that.
 */
export function interfaceSteps(
  link: KnownLink,
  setup: InterfaceSetup,
  state: PodState,
  vrfIndex: number | undefined,
): InterfaceStep[] {
  const { index } = link;
  const announced = announcement(link, setup, state);
  return [
    ...settingSteps(link, setup, vrfIndex),
    ...addressSteps(index, setup, state),
    ...(link.up === true ? [] : [{ request: linkSet(index, { up: true }), purpose: () => 'bringing it up' }]),
    ...setup.routes.flatMap((route) => routeSteps(index, route, state)),
    ...ruleSteps(setup.rules ?? [], state),
    ...announced,
    // The kernel forgets a link's neighbours when it gets a hardware address, even its own one.
    ...neighbourSteps(index, setup, announced.length > 0 ? [] : state.neighbours),
  ];
}

function settingSteps(
  link: KnownLink,
  setup: InterfaceSetup,
  vrfIndex: number | undefined,
): readonly InterfaceStep[] {
  const changes = settings(link, setup, vrfIndex);
  const names = Object.keys(changes);
  if (names.length === 0) return none;
  return [{ request: linkSet(link.index, changes), purpose: () => `setting its ${names.join(', ')}` }];
}

/** Written for the hook: most links need nothing of it. */
function settings(link: KnownLink, setup: InterfaceSetup, vrfIndex: number | undefined): LinkChanges {
  const { mtu, hardwareAddress, txQueueLength, promiscuous, allMulticast } = setup;
  const changes: { -readonly [K in keyof LinkChanges]: LinkChanges[K] } = {};
  if (link.name !== undefined) {
    if (mtu !== undefined && mtu !== link.mtu) changes.mtu = mtu;
    if (hardwareAddress !== undefined && hardwareAddress !== link.address) changes.address = hardwareAddress;
  }
  if (txQueueLength !== undefined) changes.txQueueLength = txQueueLength;
  if (setup.gsoMaxSize !== undefined) changes.gsoMaxSize = setup.gsoMaxSize;
  if (setup.groMaxSize !== undefined) changes.groMaxSize = setup.groMaxSize;
  if (setup.gsoIPv4MaxSize !== undefined) changes.gsoIpv4MaxSize = setup.gsoIPv4MaxSize;
  if (setup.groIPv4MaxSize !== undefined) changes.groIpv4MaxSize = setup.groIPv4MaxSize;
  if (promiscuous !== undefined) changes.promiscuous = promiscuous;
  if (allMulticast !== undefined) changes.allMulticast = allMulticast;
  // Joining a VRF takes a link down and up again and its routes with it.
  if (vrfIndex !== undefined && vrfIndex !== link.master) changes.master = vrfIndex;
  const ipv4 = ipv4Settings(setup);
  if (ipv4 !== undefined) changes.ipv4 = ipv4;
  return changes;
}

const none: readonly InterfaceStep[] = [];

function addressSteps(linkIndex: number, setup: InterfaceSetup, state: PodState): readonly InterfaceStep[] {
  if (setup.addresses.length === 0) return none;
  const present = new Set(
    state.addresses.filter((each) => each.linkIndex === linkIndex).map(({ address }) => address),
  );
  const flags = wantsDetection(setup) ? 0 : addressFlags.nodad;
  return setup.addresses
    .filter((address) => !present.has(address))
    .map((address) => ({
      // Duplicate address detection would keep an address, which the user chose, unusable for the pod's first second.
      request: addressAdd({
        linkIndex,
        address,
        ...(isIpv6(address) ? { flags } : {}),
        ...addressLifetimes(setup.leases, address),
      }),
      purpose: () => `adding address ${address}`,
      ipv6: isIpv6(address),
    }));
}

function routeSteps(linkIndex: number, route: RouteSetup, state: PodState): InterfaceStep[] {
  const spec = routeSpec(route, linkIndex);
  const own = state.routes.find(
    (present) =>
      present.linkIndex === linkIndex &&
      sameDestination(route, present) &&
      metricOf(present) === metricOf(spec),
  );
  const isThere =
    own !== undefined &&
    own.gateway === route.gateway &&
    (route.source === undefined || own.source === route.source) &&
    (route.mtu === undefined || own.mtu === route.mtu);
  return [
    ...demotedDefaults(route, linkIndex, state),
    ...(isThere
      ? []
      : [
          {
            request: own === undefined ? routeAdd(spec) : routeReplace(spec),
            purpose: () => `adding route ${describeRoute(route as Parameters<typeof describeRoute>[0])}`,
            ipv6: isIpv6(route.destination),
          },
        ]),
  ];
}

function ruleSteps(rules: readonly RuleConfig[], state: PodState): readonly InterfaceStep[] {
  if (rules.length === 0) return none;
  return rules
    .filter((rule) => !state.rules.some((present) => sameRule(rule, present)))
    .map((rule) => ({
      request: ruleAdd(ruleSpec(rule)),
      purpose: () => `adding rule ${describeRule(rule)}`,
    }));
}

/** The rule as the kernel is asked for it. */
export function ruleSpec(rule: RuleConfig): Parameters<typeof ruleAdd>[0] {
  const { family: _, ...given } = rule;
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...present, family: ruleFamily(rule), protocol: ruleProtocol };
}

function neighbourSteps(
  linkIndex: number,
  { neighbours = [] }: InterfaceSetup,
  known: PodState['neighbours'],
): readonly InterfaceStep[] {
  if (neighbours.length === 0) return none;
  return neighbours
    .filter(
      ({ address, hardwareAddress }) =>
        !known.some(
          (present) =>
            present.address === address &&
            present.linkAddress === hardwareAddress &&
            (present.state & permanent) !== 0,
        ),
    )
    .map(({ address, hardwareAddress }) => ({
      request: neighbourReplace({ linkIndex, address, linkAddress: hardwareAddress }),
      purpose: () => `adding neighbour ${address} at ${hardwareAddress}`,
      ipv6: isIpv6(address),
    }));
}

/** `NUD_PERMANENT` (linux/neighbour.h). */
const permanent = 0x80;

/**
 * IPv6 addresses without duplicate address detection are announced only on the occasion of a new hardware address, the old one set again
 * being one (`ndisc_netdev_event` in net/ipv6/ndisc.c). Links that do not take that while they are up are not announced.
 */
function announcement(link: KnownLink, setup: InterfaceSetup, state: PodState): readonly InterfaceStep[] {
  const address = setup.hardwareAddress ?? link.address;
  if (address === undefined || !setup.addresses.some(isIpv6)) return none;
  const added = setup.addresses.filter(
    (each) =>
      isIpv6(each) &&
      !state.addresses.some((present) => present.linkIndex === link.index && present.address === each),
  );
  if (added.length === 0) return none;
  return [
    { request: linkSet(link.index, { address }), purpose: () => 'announcing its addresses', optional: true },
  ];
}
