import {
  type Link,
  linkAddAltname,
  linkDeleteAltname,
  linkSet,
  type RouteSocket,
  type XdpMode,
} from '@patchbay/netlink';
import { linkSettings, settingsDifference } from './link-settings.ts';
import type { LinkSnapshot } from './link-snapshot.ts';
import type { RestoreStep } from './restore-step.ts';

/** Taking from a link the altnames and XDP programs that it has got in the pod. */
export function cleaningSteps(snapshot: LinkSnapshot, { index, altnames, xdp = {} }: Link): RestoreStep[] {
  const strange = altnames.filter((name) => !snapshot.altnames.includes(name));
  const modes = Object.keys(xdp) as XdpMode[];
  return [
    ...(strange.length === 0
      ? []
      : [{ request: linkDeleteAltname(index, strange), what: `absence of altnames ${strange.join(', ')}` }]),
    ...modes
      .filter((mode) => xdp[mode] !== snapshot.xdp?.[mode])
      .map((mode) => ({
        request: linkSet(index, { detachXdp: mode }),
        what: `absence of the pod's XDP program (${mode})`,
      })),
  ];
}

/** A step that fails when another link of the host has the name. */
export interface AltnameStep extends RestoreStep {
  readonly altname?: string;
}

/** Making a link itself what it was, while it is down; none for what is right already. Each part is a message that may fail for itself. */
export function linkSteps(snapshot: LinkSnapshot, now: Link): AltnameStep[] {
  const { index } = now;
  const { mtu, hardwareAddress, txQueueLength } = snapshot;
  return [
    ...(now.up && !snapshot.up ? [{ request: linkSet(index, { up: false }), what: 'being down' }] : []),
    ...(hardwareAddress === undefined || hardwareAddress === now.address
      ? []
      : [
          {
            request: linkSet(index, { address: hardwareAddress }),
            what: `hardware address ${hardwareAddress}`,
          },
        ]),
    ...(mtu === now.mtu ? [] : [{ request: linkSet(index, { mtu }), what: `MTU ${mtu}` }]),
    ...(txQueueLength === undefined || txQueueLength === now.txQueueLength
      ? []
      : [{ request: linkSet(index, { txQueueLength }), what: `queue length ${txQueueLength}` }]),
    ...settingsDifference(snapshot.settings ?? {}, linkSettings(now)).map((settings) => ({
      request: linkSet(index, settings),
      what: Object.keys(settings).join(', '),
    })),
    ...snapshot.altnames
      .filter((name) => !now.altnames.includes(name))
      .map((altname) => ({
        request: linkAddAltname(index, [altname]),
        what: `altname ${altname}`,
        altname,
      })),
  ];
}

/** Making a link a member of its bridge, bond or VRF again, which it leaves when it moves. */
export function masterSteps(
  { master, masterName, bridgePort }: LinkSnapshot,
  now: Link,
  host: RouteSocket,
): RestoreStep[] {
  // A master that was made anew has another index.
  const named = masterName === undefined ? undefined : host.link({ name: masterName })?.index;
  const wanted = master === undefined ? undefined : (named ?? master);
  const steps: RestoreStep[] = [];
  if (now.master !== wanted) {
    steps.push({
      request: linkSet(now.index, { master: wanted ?? 0 }),
      what: wanted === undefined ? 'having no master' : `membership of ${masterName ?? wanted}`,
    });
  }
  if (bridgePort !== undefined && JSON.stringify(bridgePort) !== JSON.stringify(now.bridgePort)) {
    // Its state is the bridge's to decide.
    const { state: _state, ...settings } = bridgePort;
    steps.push({ request: linkSet(now.index, { bridgePort: settings }), what: 'settings as a bridge port' });
  }
  return steps;
}
