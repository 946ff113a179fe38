import {
  type Link,
  linkSet,
  type Neighbour,
  neighbourFlags,
  neighbourReplace,
  NetlinkError,
  type RouteSocket,
  type Switches,
  SysctlError,
  SystemCallError,
} from '@patchbay/netlink';
import { describeError, InterfaceConflictError } from '../../errors/driver-errors.ts';
import type { Logger } from '../../logging/logger.ts';
import { isMark, returnMark } from '../link-identity.ts';
import { addressSteps } from './address-steps.ts';
import { bootId } from './boot-id.ts';
import type { HostLinkAccess } from './host-link-access.ts';
import type { LinkSnapshot } from './link-snapshot.ts';
import { cleaningSteps, linkSteps, masterSteps } from './link-steps.ts';
import { nexthopSteps } from './nexthop-steps.ts';
import type { RestoreStep } from './restore-step.ts';
import { routeSteps } from './route-steps.ts';
import { secondsSinceBoot } from './snapshot-lifetimes.ts';
import { sysctlChanges } from './snapshot-sysctls.ts';
import { wantedFeatures } from './take-link-snapshot.ts';
import { detachStrangeTcx } from './tcx-programs.ts';

/**
 * Makes a link that is back on the host what its snapshot says, with nothing of what it got in the pod. Repeatable after a crash at any point:
 * each message is made from what the kernel says at that moment, and the link carries a mark until the last one. A part that the host refuses,
 * because somebody else has it meanwhile, is logged in words, and the rest is restored all the same.
 */
export class LinkRestorer {
  readonly #host: RouteSocket;
  readonly #access: HostLinkAccess;
  readonly #logger: Logger;

  /** @param host a socket in the host's namespace */
  constructor(host: RouteSocket, access: HostLinkAccess, logger: Logger) {
    this.#host = host;
    this.#access = access;
    this.#logger = logger;
  }

  /**
   * Restores a link. One of another boot is left as it is.
   *
   * @param found the link as it is
   * @throws InterfaceConflictError after restoring the rest, when another link has its name or one of its altnames
   */
  async restore(snapshot: LinkSnapshot, found: Link): Promise<void> {
    if (snapshot.bootId !== undefined && snapshot.bootId !== bootId()) {
      this.#logger.warn(
        { link: snapshot.name },
        'the machine has been restarted since the link went to a pod; it is left as the host has made it anew',
      );
      return;
    }
    // One that never went to the pod is as somebody on the host wants it.
    if (!this.#hasReturned(snapshot, found)) return;
    const { index } = found;
    const mark = returnMark(snapshot);
    await this.#attempt(snapshot, [
      ...(found.alias === mark
        ? []
        : [{ request: linkSet(index, { alias: mark }), what: 'the mark of its return' }]),
      ...cleaningSteps(snapshot, found),
    ]);
    this.#detachTcx(snapshot, index);
    const { link, conflicts } = await this.#restoreName(snapshot, found);
    for (const { altname } of await this.#attempt(snapshot, linkSteps(snapshot, link))) {
      conflicts.push(...this.#conflicts(index, altname === undefined ? [] : [altname]));
    }
    await this.#restoreSysctls(snapshot, link.name);
    await this.#restoreSwitches(snapshot, index);
    await this.#restoreAddresses(snapshot, link);
    if (snapshot.up) await this.#restoreRouting(snapshot, index);
    await this.#attempt(snapshot, this.#neighbourSteps(snapshot, index));
    const [conflict] = conflicts;
    // The mark stays on, because the link is not what it was.
    if (conflict !== undefined) throw conflict;
    const { alias = '' } = snapshot;
    await this.#attempt(snapshot, [{ request: linkSet(index, { alias }), what: `alias '${alias}'` }]);
  }

  /**
   * Whether the link comes from a pod. It carries a mark then, unless it came by itself out of a namespace that died: it is down then, and has
   * lost its addresses.
   */
  #hasReturned(snapshot: LinkSnapshot, found: Link): boolean {
    if ((found.alias !== undefined && isMark(found.alias)) || !found.up || !snapshot.up) return true;
    if (found.name !== snapshot.name || linkSteps(snapshot, found).length > 0) return true;
    if (cleaningSteps(snapshot, found).length > 0) return true;
    const addresses = this.#host.addresses({ linkIndex: found.index });
    return addressSteps(snapshot, found.index, addresses, age(snapshot)).beforeUp.length > 0;
  }

  #detachTcx(snapshot: LinkSnapshot, index: number): void {
    if (snapshot.tcxPrograms === undefined) return;
    try {
      const gone = detachStrangeTcx(this.#access, index, snapshot.tcxPrograms);
      if (gone.length > 0)
        this.#refused(snapshot, `eBPF programs ${gone.join(', ')}`, 'start again what attached them');
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      this.#refused(snapshot, "absence of the pod's eBPF programs", error);
    }
  }

  /** Kernels before 6.2 rename only links that are down. */
  async #restoreName(
    { name }: LinkSnapshot,
    link: Link,
  ): Promise<{ readonly link: Link; readonly conflicts: InterfaceConflictError[] }> {
    if (link.name === name) return { link, conflicts: [] };
    try {
      await this.#host.executeAsync(linkSet(link.index, { up: false, name }));
      return { link: { ...link, name, up: false }, conflicts: [] };
    } catch (error) {
      const conflicts = this.#conflicts(link.index, [name], error);
      if (conflicts.length === 0) throw error;
      return { link, conflicts };
    }
  }

  /** Says which of the names another link of the host has. */
  #conflicts(index: number, names: readonly string[], cause?: unknown): InterfaceConflictError[] {
    return names.flatMap((name) => {
      const owner = this.#host.link({ name }) ?? this.#host.link({ altname: name });
      if (owner === undefined || owner.index === index) return [];
      return new InterfaceConflictError(
        `link ${this.#host.link({ index })?.name ?? index} is back from its pod but cannot be called '${name}' again: link ${owner.index} on the host took that name; rename or remove that link`,
        cause,
      );
    });
  }

  async #restoreAddresses(snapshot: LinkSnapshot, link: Link): Promise<void> {
    const { index, up } = link;
    const addresses = this.#host.addresses({ linkIndex: index });
    const { beforeUp, afterUp } = addressSteps(snapshot, index, addresses, age(snapshot));
    await this.#attempt(snapshot, [
      ...masterSteps(snapshot, link, this.#host),
      ...beforeUp,
      ...(snapshot.up && !up ? [{ request: linkSet(index, { up: true }), what: 'being up' }] : []),
      ...(snapshot.up ? afterUp : []),
    ]);
  }

  async #restoreRouting(snapshot: LinkSnapshot, index: number): Promise<void> {
    await this.#attempt(snapshot, nexthopSteps(snapshot, this.#host, index));
    // Routes by groups that lost a way are there, and known as the link's again when the group is whole.
    const routes = routeSteps(snapshot, this.#host, index, age(snapshot));
    await this.#attempt(snapshot, routes);
  }

  #neighbourSteps({ neighbours }: LinkSnapshot, linkIndex: number): RestoreStep[] {
    if (neighbours.length === 0) return [];
    const now = [
      ...this.#host.neighbours({ linkIndex }),
      ...this.#host.neighbours({ linkIndex, proxy: true }),
    ].map(neighbourIdentity);
    return neighbours
      .filter((neighbour) => !now.includes(neighbourIdentity(neighbour)))
      .map((neighbour) => ({
        request: neighbourReplace({ ...neighbour, linkIndex }),
        what: `neighbour ${neighbour.address}`,
      }));
  }

  async #restoreSysctls(snapshot: LinkSnapshot, name: string): Promise<void> {
    if (snapshot.sysctls === undefined) return;
    let changes = await sysctlChanges(this.#access.sysctls, name, snapshot.sysctls);
    while (changes.length > 0) {
      try {
        this.#access.sysctls.write(changes);
        return;
      } catch (error) {
        if (!(error instanceof SysctlError)) throw error;
        this.#refused(snapshot, `setting net/${error.path}`, error);
        changes = changes.slice(changes.findIndex(({ path }) => path === error.path) + 1);
      }
    }
  }

  async #restoreSwitches(snapshot: LinkSnapshot, index: number): Promise<void> {
    const { features, privateFlags } = snapshot;
    if (features === undefined && privateFlags === undefined) return;
    using ethtool = this.#access.openEthtool();
    if (ethtool === undefined) return;
    await this.#unlessRefused(snapshot, 'private flags', async () => {
      const flags = different(privateFlags, await ethtool.privateFlags(index));
      if (Object.keys(flags).length > 0) await ethtool.setPrivateFlags(index, flags);
    });
    await this.#unlessRefused(snapshot, 'offload features', async () => {
      const wanted = different(features, wantedFeatures(await ethtool.features(index)));
      if (Object.keys(wanted).length > 0) await ethtool.setFeatures(index, wanted);
    });
  }

  async #unlessRefused(snapshot: LinkSnapshot, what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#refused(snapshot, what, error);
    }
  }

  /** @returns the steps that the kernel refused */
  async #attempt<T extends RestoreStep>(snapshot: LinkSnapshot, steps: readonly T[]): Promise<readonly T[]> {
    if (steps.length === 0) return [];
    const errors = await this.#host.attemptAsync(...steps.map(({ request }) => request));
    return errors.flatMap((error) => {
      const step = steps[error.messageIndex];
      if (step === undefined || (step.alsoByKernel === true && isTaken(error))) return [];
      this.#refused(snapshot, step.what, error);
      return [step];
    });
  }

  #refused({ name }: LinkSnapshot, what: string, error: unknown): void {
    this.#logger.warn(
      {
        link: name,
        what,
        error: isTaken(error) ? 'somebody else on the host has it meanwhile' : describeError(error),
      },
      'the host does not take back a part of the configuration that a link had before it went to a pod',
    );
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof NetlinkError && error.code === 'EEXIST';
}

/** Seconds since the snapshot was taken, if that matters. */
function age({ takenAt }: LinkSnapshot): number {
  return takenAt === undefined ? 0 : Math.max(0, secondsSinceBoot() - takenAt);
}

function different(wanted: Switches = {}, now: Switches): Switches {
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, on]) => now[name] !== undefined && now[name] !== on),
  );
}

function neighbourIdentity({ address, linkAddress, flags, state }: Neighbour): string {
  return [address, linkAddress ?? '', flags & neighbourFlags.proxy, state].join(' ');
}
