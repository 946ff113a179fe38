import {
  acquireDhcpv4,
  acquireDhcpv6,
  confirmDhcpv4,
  type DhcpLease,
  type Dhcpv4Answer,
  type Dhcpv6Answer,
  DhcpError,
  monotonicNow,
  releaseDhcpv4,
  releaseDhcpv6,
  renewDhcpv4,
  renewDhcpv6,
} from '@patchbay/dhcp';
import type { DeviceRequest } from '../backend/backend.ts';
import { describeError, LeaseFailedError, ParametersInvalidError } from '../errors/driver-errors.ts';
import { routeMistakes } from '../interfaces/contradictions.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { leasedFamilies } from '../interfaces/schema/address-sources-schema.ts';
import type { Logger } from '../logging/logger.ts';
import { withLease } from './leased-setup.ts';
import type { LeaseLink, LeaseLinks } from './lease-links.ts';
import type { LeasePath, LeaseRecord } from './lease-record.ts';

/** How long servers are waited for where the claim does not say, in seconds. */
const defaultTimeoutSeconds = 15;
/** Pause before servers are asked again, in milliseconds: short, because a link that has just come up may have nothing forwarded at first. */
const firstPauseMs = 250;
/** How long one attempt to prolong a lease may take at most and at least, in milliseconds. */
const renewalMs = 3_000;
const leastRenewalMs = 500;
/** How long a server may take to say that it has a lease back, and giving back may take in all, in milliseconds. */
const releaseMs = 1_000;
const releaseBoundMs = 3_000;

/** What a server said about a lease. */
export type LeaseAnswer = Dhcpv4Answer | Dhcpv6Answer;

/** How an interface's network is reached, and what it can do. */
export interface LeaseRoute {
  readonly path: LeasePath;
  /** Of the interface in the pod, for good. */
  readonly hardwareAddress: string;
  /** Largest MTU that the interface can have, in bytes. */
  readonly largestMtu: number;
}

/** Leases addresses from DHCP servers while a claim is prepared; what backends see of {@link Leases}. */
export interface LeaseClient {
  /**
   * Leases what a setup asks for (`interface.dhcp`), and returns the setup with the addresses, their lifetimes, routes and MTU; the same setup
   * when it asks for nothing. What was leased belongs to the request: it is journalled when preparing succeeds, and given back when not.
   *
   * @param route called only when it is needed
   * @throws LeaseFailedError when no server gives an address; ParametersInvalidError when routes do not fit what they give
   */
  lease(
    request: DeviceRequest,
    setup: InterfaceSetup,
    route: () => LeaseRoute,
    signal: AbortSignal,
  ): Promise<InterfaceSetup>;
}

/** Gets, confirms, prolongs and gives back leases. Keeps none: their records are in the claims' records. */
export class Leases implements LeaseClient {
  readonly #links: LeaseLinks;
  readonly #logger: Logger;
  readonly #taken = new WeakMap<DeviceRequest, LeaseRecord[]>();

  constructor(links: LeaseLinks, logger: Logger) {
    this.#links = links;
    this.#logger = logger;
  }

  /** See {@link LeaseClient.lease}. */
  async lease(
    request: DeviceRequest,
    asked: InterfaceSetup,
    route: () => LeaseRoute,
    signal: AbortSignal,
  ): Promise<InterfaceSetup> {
    const families = leasedFamilies(asked.dhcp);
    if (families.length === 0) return asked;
    const { path, hardwareAddress, largestMtu } = route();
    const { hostName, clientId, timeoutSeconds = defaultTimeoutSeconds } = asked.dhcp ?? {};
    const identity = { hardwareAddress, hostName };
    const patience = { timeoutMs: timeoutSeconds * 1000, firstPauseMs, signal };
    const taken: LeaseRecord[] = [];
    this.#taken.set(request, taken);
    let setup = asked;
    try {
      await this.#links.use(path, hardwareAddress, families.includes(6), async (link) => {
        const outcomes = await Promise.allSettled(
          families.map((family) =>
            family === 4
              ? acquireDhcpv4(link, { ...identity, clientId }, patience)
              : acquireDhcpv6(link, identity, patience),
          ),
        );
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') continue;
          const added = withLease(setup, outcome.value, largestMtu);
          setup = added.setup;
          taken.push({ lease: outcome.value, path, routes: added.routes });
        }
        const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
        if (failed.length > 0)
          throw failed.length === 1
            ? failed[0]?.reason
            : new AggregateError(failed.map(({ reason }) => reason));
      });
    } catch (error) {
      throw error instanceof DhcpError || error instanceof AggregateError
        ? new LeaseFailedError(asked.name, error)
        : error;
    }
    const mistakes = routeMistakes(setup.addresses, setup.routes);
    if (mistakes.length > 0) {
      throw new ParametersInvalidError(
        `addresses leased for interface '${asked.name}' (${setup.addresses.join(', ')})`,
        mistakes.map(({ message }) => ({ path: 'routes', message })),
      );
    }
    return setup;
  }

  /** What was leased for a request by {@link lease}, also by one that has failed. */
  takenBy(request: DeviceRequest): readonly LeaseRecord[] {
    return this.#taken.get(request) ?? [];
  }

  /** Prolongs a lease from outside the pod, while its interface is not there; also gets one back that has ended. */
  async confirm({ lease, path }: LeaseRecord, ended: boolean): Promise<LeaseAnswer> {
    const { hardwareAddress } = lease.identity;
    return this.#links.use(path, hardwareAddress, lease.family === 6, (link) => again(link, lease, ended));
  }

  /**
   * Prolongs a lease in the pod, where its address is.
   *
   * @param whom `server`: the one that gave it; `anyone`: whichever answers; `ended`: the address is no longer there
   */
  async renew(link: LeaseLink, lease: DhcpLease, whom: 'server' | 'anyone' | 'ended'): Promise<LeaseAnswer> {
    if (whom === 'ended') return again(link, lease, true);
    // From T2 on everybody is asked.
    const untilRebinding = lease.obtainedAt + (lease.rebindAfter ?? Infinity) * 1000 - monotonicNow();
    const timeoutMs =
      whom === 'server' ? Math.max(leastRenewalMs, Math.min(renewalMs, untilRebinding)) : renewalMs;
    const patience = { timeoutMs };
    return lease.family === 4
      ? renewDhcpv4(link, lease, whom, patience)
      : renewDhcpv6(link, lease, whom, patience);
  }

  /** Gives leases of some interfaces back to their servers, as well as it can be done in three seconds; the servers forget them in time anyway. */
  async release(interfaces: readonly (readonly LeaseRecord[])[]): Promise<void> {
    const bound = AbortSignal.timeout(releaseBoundMs);
    const work = Promise.all(interfaces.map((records) => this.#release(records, bound)));
    await Promise.race([
      work,
      new Promise((resolve) => bound.addEventListener('abort', resolve, { once: true })),
    ]);
  }

  /** @param records of one interface */
  async #release(records: readonly LeaseRecord[], signal: AbortSignal): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    const addresses = records.map(({ lease }) => lease.address);
    const ipv6 = records.some(({ lease }) => lease.family === 6);
    try {
      await this.#links.use(first.path, first.lease.identity.hardwareAddress, ipv6, async (link) => {
        await Promise.all(
          records.map(({ lease }) =>
            lease.family === 4
              ? releaseDhcpv4(link, lease, releaseMs)
              : releaseDhcpv6(link, lease, { timeoutMs: releaseMs, signal }),
          ),
        );
      });
      this.#logger.debug({ addresses }, 'leases given back');
    } catch (error) {
      this.#logger.warn(
        { addresses, error: describeError(error) },
        'cannot give leases back; their servers forget them in time',
      );
    }
  }
}

/** Asks for the same address from where it is not. */
async function again(link: LeaseLink, lease: DhcpLease, ended: boolean): Promise<LeaseAnswer> {
  const patience = { timeoutMs: renewalMs };
  if (lease.family === 4) return confirmDhcpv4(link, lease, patience);
  if (!ended) return renewDhcpv6(link, lease, 'anyone', patience);
  try {
    const hint = lease.address.slice(0, lease.address.indexOf('/'));
    const fresh = await acquireDhcpv6(link, lease.identity, patience, hint);
    if (fresh.address === lease.address) return { kind: 'lease', lease: fresh };
    await releaseDhcpv6(link, fresh, { timeoutMs: releaseMs });
    return { kind: 'refused', message: `it gives ${fresh.address} instead of ${lease.address}` };
  } catch (error) {
    if (error instanceof DhcpError) return { kind: 'silence' };
    throw error;
  }
}

/** For drivers without DHCP: refuses what asks for it. */
export const noLeases: LeaseClient = {
  async lease(_request, setup) {
    if (leasedFamilies(setup.dhcp).length === 0) return setup;
    throw new LeaseFailedError(setup.name, new Error('this driver leases no addresses'));
  },
};
