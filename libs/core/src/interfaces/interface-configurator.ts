import { setTimeout as pause } from 'node:timers/promises';
import {
  type Link,
  NetlinkError,
  type NetworkNamespace,
  type RouteSocket,
  ruleDelete,
  type SysctlChange,
  SysctlError,
} from '@patchbay/netlink';
import { describeError, InterfaceConflictError } from '../errors/driver-errors.ts';
import { detachPrograms } from './apply/detach-programs.ts';
import type { FreshSteps } from './apply/fresh-steps.ts';
import { interfaceConflicts } from './apply/interface-conflicts.ts';
import { disableIpv6, fileSettings } from './apply/interface-sysctls.ts';
import { type InterfaceStep, interfaceSteps, type KnownLink, ruleSpec } from './apply/interface-step.ts';
import { type NamespaceAccess, namespaceAccess, type PodNetwork } from './apply/namespace-access.ts';
import { readPodState } from './apply/pod-state.ts';
import { ensureVrf, removeVrf } from './apply/pod-vrf.ts';
import type { InterfaceSetup } from './interface-setup.ts';

/**
 * How long to wait for a hardware address that another link on the same parent has, in milliseconds: it may be that of the pod's last sandbox,
 * in a namespace that is gone for everybody but the kernel, which takes it apart some time later.
 */
const addressPatienceMs = 1_000;
const addressPauseMs = 5;

/** Makes links in pods look as their setups ask. What a setup does not ask for costs nothing. */
export class InterfaceConfigurator {
  readonly #openAccess: (namespace: NetworkNamespace) => NamespaceAccess;

  /** @param openAccess how settings, features and programs of a namespace's links are reached */
  constructor(openAccess: (namespace: NetworkNamespace) => NamespaceAccess = namespaceAccess) {
    this.#openAccess = openAccess;
  }

  /**
   * Configures a link that is fresh in the pod: nobody has touched it there. All of rtnetlink is one send.
   *
   * @param link its index there, and its hardware address if that is known
   * @param fresh what {@link freshSteps} has made of the setup, if anything
   * @throws InterfaceConflictError naming what was wanted and what the pod already has, before anything is changed, or what the kernel refuses
   */
  configure(
    pod: PodNetwork,
    link: Pick<Link, 'index' | 'address'>,
    setup: InterfaceSetup,
    fresh?: FreshSteps,
  ): Promise<void> {
    const { index, address } = link;
    return this.#apply(pod, address === undefined ? { index } : { index, address }, setup, { fresh });
  }

  /** {@link configure} for a link that may be configured already, wholly or in part: adds what is missing and leaves the rest undisturbed. */
  complete(pod: PodNetwork, link: Link, setup: InterfaceSetup): Promise<void> {
    return this.#apply(pod, link, setup);
  }

  /**
   * Takes from a pod what would stay there when its interface has gone. Repeatable.
   *
   * @param socket in the pod's namespace
   */
  withdraw(socket: RouteSocket, { rules = [], vrf }: InterfaceSetup): void {
    for (const rule of rules) {
      try {
        socket.execute(ruleDelete(ruleSpec(rule)));
      } catch (error) {
        if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
      }
    }
    if (vrf !== undefined) removeVrf(socket, vrf);
  }

  /** @param patientUntil until when an address may be another link's, in milliseconds of `performance.now` */
  async #apply(
    pod: PodNetwork,
    link: KnownLink,
    setup: InterfaceSetup,
    { fresh, patientUntil }: { readonly fresh?: FreshSteps | undefined; readonly patientUntil?: number } = {},
  ): Promise<void> {
    const { socket } = pod;
    const state = readPodState(socket, link.index, setup);
    const nameOf = (index: number) => socket.link({ index })?.name ?? String(index);
    const conflicts = interfaceConflicts(setup, link.index, state, nameOf);
    if (conflicts.length > 0)
      throw new InterfaceConflictError(`interface '${setup.name}' in the pod: ${conflicts.join('; ')}`);
    const files = fileSettings(setup);
    if (files.length > 0 || setup.ethtool !== undefined || setup.detachEBPF === true)
      await this.#prepareLink(pod, link, setup, files);
    const vrfIndex = setup.vrf === undefined ? undefined : ensureVrf(socket, setup.vrf);
    const failure =
      fresh === undefined
        ? execute(socket, interfaceSteps(link, setup, state, vrfIndex))
        : executeFresh(socket, link.index, fresh);
    if (failure === undefined) return;
    const { error, step } = failure;
    // What is behind the first failure is not known.
    if (step?.optional === true) return this.#apply(pod, socket.link({ index: link.index }) ?? link, setup);
    // The pod's default may be that links have no IPv6.
    if (step?.ipv6 === true && error.code === 'EACCES' && enablesIpv6(setup)) {
      this.#openAccess(pod.namespace).sysctls.write([disableIpv6(setup.name)]);
      const now = socket.link({ index: link.index });
      return this.#apply(pod, now ?? link, { ...setup, sysctls: withIpv6(setup) });
    }
    if (error.code === 'EADDRINUSE') {
      const until = patientUntil ?? performance.now() + addressPatienceMs;
      if (performance.now() < until) {
        await pause(addressPauseMs);
        return this.#apply(pod, socket.link({ index: link.index }) ?? link, setup, { patientUntil: until });
      }
    }
    throw refusal(setup, step?.purpose() ?? error.operation, error);
  }

  /** What does not ride on messages of rtnetlink, and must be right before the link comes up. */
  async #prepareLink(
    { socket, namespace }: PodNetwork,
    { index }: KnownLink,
    setup: InterfaceSetup,
    files: readonly SysctlChange[],
  ): Promise<void> {
    const { ethtool, detachEBPF } = setup;
    const access = this.#openAccess(namespace);
    try {
      if (detachEBPF === true) detachPrograms(socket, access, index);
      if (files.length > 0) access.sysctls.write(files);
    } catch (error) {
      if (error instanceof SysctlError || error instanceof NetlinkError)
        throw new InterfaceConflictError(`interface '${setup.name}' in the pod: ${error.message}`, error);
      throw error;
    }
    if (ethtool !== undefined) await setFeatures(access, index, setup);
  }
}

/** Whether something stays in the pod when the interface has gone: the kernel takes only what is the link's own away with it. */
export function leavesTraces({ rules = [], vrf }: InterfaceSetup): boolean {
  return rules.length > 0 || vrf !== undefined;
}

const commonReasons: ReadonlyMap<string, string> = new Map([
  ['EEXIST', 'the pod has the same already, from its CNI plugin or another claim; change one of the two'],
  [
    'EADDRINUSE',
    'another link on the same parent has the address; give the claim another interface.hardwareAddress, or none',
  ],
]);

/** What ends attaching, in words. */
function refusal({ name }: InterfaceSetup, purpose: string, error: NetlinkError): InterfaceConflictError {
  const reason =
    commonReasons.get(error.code) ??
    `the kernel answered ${error.code}${error.extack === undefined ? '' : ` (${error.extack})`}`;
  return new InterfaceConflictError(`interface '${name}' in the pod: ${purpose} failed: ${reason}`, error);
}

type SentStep = Omit<InterfaceStep, 'request'>;

interface StepFailure {
  readonly error: NetlinkError;
  readonly step: SentStep | undefined;
}

function execute(socket: RouteSocket, steps: readonly InterfaceStep[]): StepFailure | undefined {
  return failureOf(steps, () => socket.execute(...steps.map(({ request }) => request)));
}

function executeFresh(socket: RouteSocket, linkIndex: number, fresh: FreshSteps): StepFailure | undefined {
  return failureOf(fresh.steps, () => socket.executeTemplate(fresh.template, linkIndex));
}

function failureOf(steps: readonly SentStep[], send: () => void): StepFailure | undefined {
  try {
    send();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return { error, step: steps[error.messageIndex] };
  }
  return undefined;
}

const disableSetting = 'net.ipv6.conf.IFNAME.disable_ipv6';

function enablesIpv6({ sysctls }: InterfaceSetup): boolean {
  return sysctls?.[disableSetting] === undefined;
}

function withIpv6({ sysctls }: InterfaceSetup): NonNullable<InterfaceSetup['sysctls']> {
  return { ...sysctls, [disableSetting]: 0 };
}

async function setFeatures(
  access: NamespaceAccess,
  linkIndex: number,
  { name, ethtool: { features = {}, privateFlags = {} } = {} }: InterfaceSetup,
): Promise<void> {
  using ethtool = access.openEthtool();
  const fail = (what: string, cause?: unknown) =>
    new InterfaceConflictError(`interface '${name}' in the pod: interface.ethtool: ${what}`, cause);
  if (ethtool === undefined) throw fail("this node's kernel has no ethtool netlink");
  try {
    if (Object.keys(privateFlags).length > 0) await ethtool.setPrivateFlags(linkIndex, privateFlags);
    if (Object.keys(features).length === 0) return;
    const unmet = await ethtool.setFeatures(linkIndex, features);
    if (unmet.length > 0) {
      throw fail(
        `the link does not switch ${unmet.join(', ')}; leave them out, or switch what they depend on`,
      );
    }
  } catch (error) {
    if (error instanceof NetlinkError) throw fail(describeError(error), error);
    throw error;
  }
}
