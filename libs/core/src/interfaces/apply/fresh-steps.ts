import { RequestTemplate } from '@patchbay/netlink';
import type { InterfaceSetup } from '../interface-setup.ts';
import { type InterfaceStep, interfaceSteps } from './interface-step.ts';
import type { PodState } from './pod-state.ts';

/** The messages that configure a link which is fresh in its pod, written before there is either. */
export interface FreshSteps {
  readonly steps: readonly Omit<InterfaceStep, 'request'>[];
  /** Open is the link's index. */
  readonly template: RequestTemplate;
}

const emptyPod: PodState = { addresses: [], routes: [], rules: [], neighbours: [] };

/**
 * Writes in advance what {@link InterfaceConfigurator.configure} sends for a link of which the setup gives the hardware address.
 *
 * @returns undefined when that depends on what else the pod has by then, or on the time
 * @throws RequestInvalidError when something cannot be sent at all
 */
export function freshSteps(
  setup: InterfaceSetup & { readonly hardwareAddress: string },
): FreshSteps | undefined {
  const { vrf, rules = [], leases = [], routes } = setup;
  if (vrf !== undefined || rules.length > 0 || leases.length > 0) return undefined;
  if (routes.some(({ override }) => override === true)) return undefined;
  const stepsFor = (index: number) => interfaceSteps({ index }, setup, emptyPod, undefined);
  return {
    steps: stepsFor(0).map(({ request: _, ...step }) => step),
    template: new RequestTemplate((index) => stepsFor(index).map(({ request }) => request)),
  };
}
