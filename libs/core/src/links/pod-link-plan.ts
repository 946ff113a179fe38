import { type LinkData, LinkTemplate } from '@patchbay/netlink';
import { type FreshSteps, freshSteps } from '../interfaces/apply/fresh-steps.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';

/** How a link that is made for a pod is to look there. */
export type CreatedSetup = InterfaceSetup & {
  /** Tells our link from another of the same name. */
  readonly hardwareAddress: string;
};

/** A link to create in a pod. */
export interface PodLinkSpec {
  /** Kind and its data as rtnetlink has it; for a veth pair see {@link PodPairSpec}. */
  readonly data: LinkData;
  /** Index of the host's link that the new one is built on. */
  readonly parent?: number;
  readonly setup: CreatedSetup;
}

/** The host's end of a veth pair. */
export interface HostEnd {
  readonly name: string;
  readonly hardwareAddress: string;
  /** Bytes; the kernel's default when absent. */
  readonly mtu?: number;
  /** Bridge that it becomes a port of, with the index that it had when the claim was prepared. */
  readonly bridge?: { readonly name: string; readonly index: number };
}

/** A veth pair to create, one end in a pod. */
export interface PodPairSpec {
  readonly hostEnd: HostEnd;
  /** Of the pod's end. */
  readonly setup: CreatedSetup;
}

/** A link to create, thought out while its claim is prepared: what is sent to the kernel in the runtime's hook is written already. */
export interface PodLinkPlan<Spec> {
  readonly spec: Spec;
  readonly creation: LinkTemplate;
  /** Undefined when it cannot be known before the pod is there. */
  readonly configuration: FreshSteps | undefined;
}

/** @throws RequestInvalidError when something cannot be sent to the kernel */
export function planPodLink(spec: PodLinkSpec): PodLinkPlan<PodLinkSpec> {
  const { data, parent, setup } = spec;
  const creation = new LinkTemplate((namespace) => ({
    name: setup.name,
    kind: data,
    namespace,
    address: setup.hardwareAddress,
    ...(parent === undefined ? {} : { parent }),
    ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
  }));
  return { spec, creation, configuration: freshSteps(setup) };
}

/** @throws RequestInvalidError when something cannot be sent to the kernel */
export function planPodPair(spec: PodPairSpec): PodLinkPlan<PodPairSpec> {
  return { spec, creation: pairCreation(spec), configuration: freshSteps(spec.setup) };
}

/**
 * What is sent to a link of the host that was moved into a pod, if that can be known before.
 *
 * @throws RequestInvalidError when something cannot be sent to the kernel
 */
export function planPodMove(
  { hardwareAddress: own }: LinkSnapshot,
  setup: InterfaceSetup,
): FreshSteps | undefined {
  const hardwareAddress = setup.hardwareAddress ?? own;
  return hardwareAddress === undefined ? undefined : freshSteps({ ...setup, hardwareAddress });
}

/** Of a pair: the host's end is made complete, the pod's is configured in the pod. */
export function pairCreation({ hostEnd, setup }: PodPairSpec): LinkTemplate {
  const { name, hardwareAddress, mtu, bridge } = hostEnd;
  return new LinkTemplate((namespace) => ({
    name,
    address: hardwareAddress,
    up: true,
    ...(mtu === undefined ? {} : { mtu }),
    ...(bridge === undefined ? {} : { master: bridge.index }),
    kind: {
      kind: 'veth',
      peer: {
        name: setup.name,
        address: setup.hardwareAddress,
        namespace,
        ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
      },
    },
  }));
}
