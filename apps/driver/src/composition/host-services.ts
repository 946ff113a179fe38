import { join } from 'node:path';
import {
  BackendContainer,
  BackendRegistry,
  type BackendSelection,
  CREATED_LINKS,
  CreatedLinks,
  DRIVER_NAME,
  HOST_LINKS,
  HOST_ROUTES,
  hostLinkAccess,
  HostLinks,
  LEASES,
  LOGGER,
  type Logger,
  matchesLinkPattern,
  MOVED_LINKS,
  MovedLinks,
  NAMESPACE_PINS,
  NamespacePins,
} from '@patchbay/core';
import type { ForeignLibraries } from '@patchbay/ffi';
import { type Link, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { DriverConfig } from '../configuration/driver-config.ts';
import { type LeaseServices, leaseServices } from './address-flow.ts';

/** What the backends work with, and the backends themselves. */
export interface HostServices extends Disposable {
  readonly backends: BackendRegistry;
  readonly hostLinks: HostLinks;
  /** A route socket in the host's namespace. */
  readonly routes: RouteSocket;
  /** Present when foreign libraries were given. */
  readonly leases?: LeaseServices;
}

/** What {@link openHostServices} works with. */
export interface HostServicesOptions {
  readonly config: DriverConfig;
  readonly backends: readonly BackendSelection[];
  readonly logger: Logger;
  /** Given where claims may get addresses; without them there are no leases. */
  readonly libraries?: ForeignLibraries;
}

/**
 * Opens the kernel interfaces of the host's namespace, provides them to the backends and composes those.
 *
 * @throws WiringError when a backend is wired wrongly; NetlinkError when the kernel refuses the sockets
 */
export function openHostServices({
  config,
  backends: selections,
  logger,
  libraries,
}: HostServicesOptions): HostServices {
  const { state, devices, driverName } = config;
  const isReserved = (link: Link) => devices.reserved.some((pattern) => matchesLinkPattern(link, pattern));
  const namespace = NetworkNamespace.own();
  const routes = RouteSocket.open();
  const container = BackendContainer.create('the driver');
  container.provide(LOGGER, () => logger);
  container.provide(DRIVER_NAME, () => driverName);
  container.provide(HOST_ROUTES, () => routes);
  const hostLinks = new HostLinks(routes, isReserved);
  container.provide(HOST_LINKS, () => hostLinks);
  const pins = new NamespacePins(join(state.directory, 'namespaces'));
  container.provide(NAMESPACE_PINS, () => pins);
  container.provide(CREATED_LINKS, () => new CreatedLinks(routes, hostLinkAccess(namespace)));
  container.provide(MOVED_LINKS, () => new MovedLinks(routes, namespace, pins, logger));
  const leases = libraries && leaseServices(routes, libraries, state.directory, logger);
  if (leases !== undefined) container.provide(LEASES, () => leases.leases);
  return {
    backends: BackendRegistry.compose(container, selections),
    hostLinks,
    routes,
    ...(leases === undefined ? {} : { leases }),
    [Symbol.dispose]() {
      leases?.[Symbol.dispose]();
      routes.close();
      namespace.close();
    },
  };
}
