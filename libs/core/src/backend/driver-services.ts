import type { RouteSocket } from '@patchbay/netlink';
import { type LeaseClient, noLeases } from '../addresses/leases.ts';
import type { HostLinks } from '../inventory/host-links.ts';
import type { NamespacePins } from '../links/namespace-pins.ts';
import type { CreatedLinks } from '../links/created-links.ts';
import type { MovedLinks } from '../links/moved-links.ts';
import type { Logger } from '../logging/logger.ts';
import { type BackendContainer, createToken, type Token } from './backend-container.ts';

/** The host's links, read once for all backends. */
export const HOST_LINKS: Token<HostLinks> = createToken<HostLinks>('HOST_LINKS');
/** Creates links in pods and takes them away. */
export const CREATED_LINKS: Token<CreatedLinks> = createToken<CreatedLinks>('CREATED_LINKS');
/** Moves links of the host into pods and back. */
export const MOVED_LINKS: Token<MovedLinks> = createToken<MovedLinks>('MOVED_LINKS');
/** A route socket in the host's namespace, for what those above do not do. */
export const HOST_ROUTES: Token<RouteSocket> = createToken<RouteSocket>('HOST_ROUTES');
/** Pins of the namespaces that links of the host are in; absent where nobody keeps them. */
export const NAMESPACE_PINS: Token<NamespacePins> = createToken<NamespacePins>('NAMESPACE_PINS');
/** Leases addresses from DHCP servers while claims are prepared; see {@link leaseClient}. */
export const LEASES: Token<LeaseClient> = createToken<LeaseClient>('LEASES');
/** The driver's name, for what backends must know to be this driver's own; see {@link driverNameOf}. */
export const DRIVER_NAME: Token<string> = createToken<string>('DRIVER_NAME');
/** Logger of the component that resolves it. */
export const LOGGER: Token<Logger> = createToken<Logger>('LOGGER');

/** Who leases addresses for a backend: {@link LEASES}, or, where nobody provides that, one that refuses what asks for it. */
export function leaseClient(container: BackendContainer): LeaseClient {
  return container.has(LEASES) ? container.resolve(LEASES) : noLeases;
}

/** {@link DRIVER_NAME}, or the usual one where nobody provides it. */
export function driverNameOf(container: BackendContainer): string {
  return container.has(DRIVER_NAME) ? container.resolve(DRIVER_NAME) : 'patchbay.dev';
}
