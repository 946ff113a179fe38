import { type DhcpLease, leasePhase, monotonicNow, nextAttempt } from '@patchbay/dhcp';
import {
  addressDelete,
  addressFlags,
  addressReplace,
  type Link,
  NetlinkError,
  NetworkNamespace,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';
import type { ClaimLedger } from '../attachments/claim-ledger.ts';
import type { ClaimLocks } from '../attachments/claim-locks.ts';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodSandbox } from '../backend/backend.ts';
import { describeError } from '../errors/driver-errors.ts';
import { addressLifetimes } from '../interfaces/leased-address.ts';
import type { RouteSetup } from '../interfaces/interface-setup.ts';
import type { Logger } from '../logging/logger.ts';
import type { LeaseLinks } from './lease-links.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { LeaseAnswer, Leases } from './leases.ts';

/** How often the journal is looked at for leases that another instance or a new attachment has brought, at least, in milliseconds. */
const longestPauseMs = 10_000;
/** Pause after a look in which something was due, so that nothing can make it spin, in milliseconds. */
const shortestPauseMs = 100;

/** A lease of a device of a claim, and the pod that it is in. */
export interface KeptLease {
  readonly record: ClaimRecord;
  readonly device: DeviceRecord;
  readonly leased: LeaseRecord;
  /** The sandbox that has the interface; undefined while no pod has. */
  readonly sandbox: PodSandbox | undefined;
}

/** Hears what users must know of their leases. */
export interface LeaseListener {
  /** No server has prolonged a lease so far; `endsInSeconds` until the address is gone. */
  leaseUnanswered(kept: KeptLease, endsInSeconds: number): void;
  /** The interface has lost its address, for the reason given. */
  leaseLost(kept: KeptLease, reason: string): void;
  /** It has it again. */
  leaseRegained(kept: KeptLease): void;
}

/** What the {@link LeaseKeeper} works with. */
export interface LeaseKeeperOptions {
  readonly ledger: ClaimLedger;
  /** Shared with whoever works on claims. */
  readonly claims: ClaimLocks;
  readonly leases: Pick<Leases, 'confirm' | 'renew'>;
  readonly links: Pick<LeaseLinks, 'inPod'>;
  readonly listener: LeaseListener;
  readonly logger: Logger;
  /** Opens a socket in a pod's namespace. */
  readonly openSocket?: (namespace: NetworkNamespace) => RouteSocket;
}

/** What this process knows of a lease beside its record. */
interface Progress {
  attemptedAt: number | undefined;
  /** Which lease of which sandbox the kernel has been told the lifetimes of. */
  applied: string;
  told: 'nothing' | 'unanswered' | 'lost';
  working: boolean;
}

/**
 * Keeps leases for as long as their claims are prepared: prolongs them in time, tells the kernel, and journals them, so that another process
 * can go on. One instance of the driver does this at a time.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #progress = new Map<string, Progress>();
  #wake = () => {};

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Keeps leases until the signal is aborted; what is under way then is left to the next process. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => this.wake();
    signal.addEventListener('abort', wake, { once: true });
    while (!signal.aborted) {
      await this.#sleep(
        Math.min(Math.max(this.#due(signal) - monotonicNow(), shortestPauseMs), longestPauseMs),
      );
    }
    signal.removeEventListener('abort', wake);
  }

  /** Has it look at once: there may be a new lease, or one may have come into a pod. */
  wake(): void {
    this.#wake();
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** {@link #look}, again later when the journal cannot be read. */
  #due(signal: AbortSignal): number {
    try {
      return this.#look(signal);
    } catch (error) {
      this.#options.logger.warn({ error: describeError(error) }, 'cannot look for leases that are due');
      return Infinity;
    }
  }

  /** Begins what is due; returns when the next is. */
  #look(signal: AbortSignal): number {
    let next = monotonicNow() + longestPauseMs;
    const seen = new Set<string>();
    for (const kept of keptLeases(this.#options.ledger.all())) {
      const key = keyOf(kept);
      seen.add(key);
      const progress = this.#progress.get(key) ?? {
        attemptedAt: undefined,
        applied: '',
        told: 'nothing',
        working: false,
      };
      this.#progress.set(key, progress);
      if (progress.working) continue;
      this.#applyIfNew(kept, progress);
      const at = nextAttempt(kept.leased.lease, progress.attemptedAt) ?? Infinity;
      if (at > monotonicNow()) {
        next = Math.min(next, at);
        continue;
      }
      progress.working = true;
      void this.#attempt(kept, progress, signal)
        .catch((error: unknown) => {
          const fields = { ...fieldsOf(kept), error: describeError(error) };
          this.#options.logger.error(fields, 'keeping a lease failed; it is tried again');
        })
        .finally(() => {
          progress.working = false;
          this.wake();
        });
    }
    for (const key of this.#progress.keys()) if (!seen.has(key)) this.#progress.delete(key);
    return next;
  }

  async #attempt(kept: KeptLease, progress: Progress, signal: AbortSignal): Promise<void> {
    const { lease } = kept.leased;
    const phase = leasePhase(lease, monotonicNow());
    progress.attemptedAt = monotonicNow();
    if (phase === 'bound') return;
    if (phase === 'expired' && progress.told !== 'lost') {
      progress.told = 'lost';
      this.#options.listener.leaseLost(kept, 'no DHCP server has prolonged its lease');
    }
    let answer: LeaseAnswer;
    try {
      answer = await this.#ask(kept, phase);
    } catch (error) {
      // A pod that is ending, a link that is on its way, a network that is down: the next attempt may find it otherwise.
      this.#options.logger.debug(
        { ...fieldsOf(kept), error: describeError(error) },
        'cannot ask for a lease',
      );
      answer = { kind: 'silence' };
    }
    if (signal.aborted) return;
    if (answer.kind === 'lease') await this.#prolonged(kept, answer.lease, progress);
    else if (answer.kind === 'refused' && phase !== 'expired')
      await this.#refused(kept, answer.message, progress);
    else if (answer.kind === 'silence' && phase === 'rebinding' && progress.told === 'nothing') {
      progress.told = 'unanswered';
      const left = (lease.validFor ?? 0) - (monotonicNow() - lease.obtainedAt) / 1000;
      this.#options.listener.leaseUnanswered(kept, Math.max(0, Math.round(left)));
    }
  }

  async #ask(kept: KeptLease, phase: 'renewing' | 'rebinding' | 'expired'): Promise<LeaseAnswer> {
    const { leases, links } = this.#options;
    const { leased, sandbox } = kept;
    // Another link with the interface's hardware address would be in its way.
    if (sandbox === undefined && kept.record.attachments.length > 0) {
      throw new Error('the interface is on its way into a pod or back');
    }
    if (sandbox === undefined) return leases.confirm(leased, phase === 'expired');
    using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
    using socket = this.#openSocket(namespace);
    const { lease } = leased;
    const link = linkOf(socket, kept);
    if (link === undefined) throw new Error('the interface is not in its pod');
    const whom = phase === 'expired' ? 'ended' : phase === 'renewing' ? 'server' : 'anyone';
    // Awaited here: the namespace must stay open until then.
    return await leases.renew(links.inPod(namespace, socket, link, lease.family === 6), lease, whom);
  }

  async #prolonged(kept: KeptLease, lease: DhcpLease, progress: Progress): Promise<void> {
    const current = await this.#journal(kept, lease);
    if (current === undefined) return;
    progress.attemptedAt = undefined;
    const wasLost = progress.told === 'lost';
    progress.told = 'nothing';
    this.#apply(current, progress, wasLost ? current.leased.routes : []);
    this.#options.logger.debug(fieldsOf(current), 'lease prolonged');
    if (wasLost) this.#options.listener.leaseRegained(current);
  }

  async #refused(kept: KeptLease, reason: string, progress: Progress): Promise<void> {
    const { lease } = kept.leased;
    // Ended now: from here on it is asked for anew.
    const age = Math.max(0, (monotonicNow() - lease.obtainedAt) / 1000);
    const ended = { ...lease, renewAfter: 0, rebindAfter: 0, validFor: age };
    const current = await this.#journal(kept, ended);
    if (current === undefined) return;
    progress.told = 'lost';
    progress.attemptedAt = undefined;
    this.#remove(current);
    this.#options.listener.leaseLost(current, `its DHCP server has taken it away: ${reason}`);
  }

  /** Puts a lease in the place of the one that it prolongs; undefined when the claim has that one no more. */
  async #journal(kept: KeptLease, lease: DhcpLease): Promise<KeptLease | undefined> {
    const { claims, ledger } = this.#options;
    return claims.run(kept.record.claim.uid, async () => {
      const record = ledger.get(kept.record.claim.uid);
      if (record === undefined) return undefined;
      const current = keptLeases([record]).find(
        (each) =>
          keyOf(each) === keyOf(kept) && each.leased.lease.obtainedAt === kept.leased.lease.obtainedAt,
      );
      if (current === undefined) return undefined;
      const leased = { ...current.leased, lease };
      const device = {
        ...current.device,
        leases: current.device.leases?.map((each) => (each === current.leased ? leased : each)) ?? [],
      };
      const devices = record.devices.map((each) => (each === current.device ? device : each));
      const changed = { ...record, devices };
      ledger.put(changed);
      return { ...current, record: changed, device, leased };
    });
  }

  /** What attaching has told the kernel was known when the claim was prepared. */
  #applyIfNew(kept: KeptLease, progress: Progress): void {
    if (kept.sandbox === undefined || progress.applied === appliedMark(kept)) return;
    if (leasePhase(kept.leased.lease, monotonicNow()) !== 'expired') return this.#apply(kept, progress, []);
    progress.applied = appliedMark(kept);
    this.#remove(kept);
  }

  #apply(kept: KeptLease, progress: Progress, routes: readonly RouteSetup[]): void {
    const { lease } = kept.leased;
    this.#inPod(kept, (socket, link) => {
      socket.execute(
        addressReplace({
          linkIndex: link.index,
          address: lease.address,
          ...addressLifetimes([lease], lease.address),
          ...(lease.family === 6 ? { flags: addressFlags.nodad } : {}),
        }),
      );
      for (const { override: _override, ...route } of routes) addRoute(socket, link, route);
      progress.applied = appliedMark(kept);
    });
  }

  #remove(kept: KeptLease): void {
    const { address } = kept.leased.lease;
    this.#inPod(kept, (socket, link) => {
      const present = socket.addresses({ linkIndex: link.index }).some((each) => each.address === address);
      if (present) socket.execute(addressDelete({ linkIndex: link.index, address }));
    });
  }

  #inPod(kept: KeptLease, work: (socket: RouteSocket, link: Link) => void): void {
    const { sandbox } = kept;
    if (sandbox === undefined) return;
    try {
      using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
      using socket = this.#openSocket(namespace);
      const link = linkOf(socket, kept);
      if (link !== undefined) work(socket, link);
    } catch (error) {
      this.#options.logger.warn(
        { ...fieldsOf(kept), error: describeError(error) },
        'cannot change a leased address in its pod as its server says',
      );
    }
  }

  #openSocket(namespace: NetworkNamespace): RouteSocket {
    return this.#options.openSocket?.(namespace) ?? RouteSocket.open({ namespace });
  }
}

function addRoute(socket: RouteSocket, link: Link, { gateway, scope, ...route }: RouteSetup): void {
  const set = Object.fromEntries(Object.entries(route).filter(([, value]) => value !== undefined));
  try {
    socket.execute(
      routeAdd({
        ...(set as { destination: string }),
        linkIndex: link.index,
        scope: scope ?? (gateway === undefined ? 'link' : 'global'),
        ...(gateway === undefined ? {} : { gateway }),
      }),
    );
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'EEXIST')) throw error;
  }
}

/** All leases of claims, with the sandbox that their interfaces are in. */
function keptLeases(records: readonly ClaimRecord[]): KeptLease[] {
  return records.flatMap((record) => {
    // A claim with a lease is in one pod at a time.
    const sandbox = record.attachments.find(({ phase }) => phase === 'attached')?.sandbox;
    return record.devices.flatMap((device) =>
      (device.leases ?? []).map((leased) => ({ record, device, leased, sandbox })),
    );
  });
}

/** The pod may have given the interface another name, or another hardware address. */
function linkOf(socket: RouteSocket, { device, leased }: KeptLease): Link | undefined {
  const links = socket.links();
  const { hardwareAddress } = leased.lease.identity;
  return (
    links.find(({ address }) => address === hardwareAddress) ??
    links.find(({ name }) => name === device.interfaceName)
  );
}

function keyOf({ record, leased: { lease } }: KeptLease): string {
  return [record.claim.uid, lease.identity.hardwareAddress, lease.address].join(' ');
}

function appliedMark({ sandbox, leased }: KeptLease): string {
  return `${sandbox?.sandboxId} ${leased.lease.obtainedAt}`;
}

function fieldsOf({ record, device, leased, sandbox }: KeptLease): object {
  return {
    claimUID: record.claim.uid,
    ...(sandbox === undefined ? {} : { podUID: sandbox.podUID }),
    interfaceName: device.interfaceName,
    address: leased.lease.address,
  };
}
