import { join } from 'node:path';
import {
  AddressGrants,
  AddressRanges,
  BorrowedLinks,
  ClaimAddresses,
  type ClaimLocks,
  leaseEvents,
  LeaseKeeper,
  LeaseLinks,
  Leases,
  type Logger,
  PodEvents,
} from '@patchbay/core';
import type { EventRecorder } from '@patchbay/dra';
import type { ForeignLibraries } from '@patchbay/ffi';
import type { RouteSocket } from '@patchbay/netlink';
import type { ClaimMemory } from './claim-memory.ts';
import type { DriverOptions } from './driver-options.ts';

/** What leases are got by. */
export interface LeaseServices extends Disposable {
  readonly leases: Leases;
  readonly links: LeaseLinks;
  readonly borrowed: BorrowedLinks;
}

/** Wires what leases are got by. Opens nothing before the first lease. */
export function leaseServices(
  routes: RouteSocket,
  libraries: ForeignLibraries,
  stateDirectory: string,
  logger: Logger,
): LeaseServices {
  const component = logger.child({ component: 'leases' });
  const borrowed = new BorrowedLinks(routes, join(stateDirectory, 'borrowed-links'), component);
  const links = new LeaseLinks(routes, borrowed, libraries);
  return {
    ...{ links, borrowed },
    leases: new Leases(links, component),
    [Symbol.dispose]: () => links[Symbol.dispose](),
  };
}

/** Where claims' addresses come from, and who keeps what is lent. */
export interface AddressFlow {
  readonly addresses: ClaimAddresses;
  readonly keeper: LeaseKeeper;
  /** Puts in order what an instance has left that was killed while it prepared. Only while no other one prepares. */
  recover(): void;
}

/** Wires the addresses of claims: ranges of the configuration and leases. */
export function addressFlow(
  { config, logger }: Pick<DriverOptions, 'config' | 'logger'>,
  { ledger }: ClaimMemory,
  events: EventRecorder,
  claims: ClaimLocks,
  { leases, links, borrowed }: LeaseServices,
): AddressFlow {
  const component = logger.child({ component: 'leases' });
  const here = config.addressRanges.filter(({ nodes }) => nodes?.includes(config.nodeName) ?? true);
  const grants = new AddressGrants(
    join(config.state.directory, 'address-grants.json'),
    join(config.state.directory, 'claims'),
    component,
  );
  const keeper = new LeaseKeeper({
    ...{ ledger, claims, leases, links },
    listener: leaseEvents(new PodEvents(events), component),
    logger: component,
  });
  return {
    addresses: new ClaimAddresses(new AddressRanges(here, ledger, grants), leases, () => keeper.wake()),
    keeper,
    recover() {
      borrowed.recover();
      grants.recover();
    },
  };
}
