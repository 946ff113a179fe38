import type { RouteSocket } from '@patchbay/netlink';
import type { HostLinks } from '../inventory/host-links.ts';
import type { PodLinks } from '../links/pod-links.ts';
import type { Logger } from '../logging/logger.ts';
import { createToken, type Token } from './backend-container.ts';

/** The host's links, read once for all backends. */
export const HOST_LINKS: Token<HostLinks> = createToken<HostLinks>('HOST_LINKS');
/** Moves links into pods and back, and creates links in pods. */
export const POD_LINKS: Token<PodLinks> = createToken<PodLinks>('POD_LINKS');
/** A route socket in the host's namespace, for what the two above do not do. */
export const HOST_ROUTES: Token<RouteSocket> = createToken<RouteSocket>('HOST_ROUTES');
/** Logger of the component that resolves it. */
export const LOGGER: Token<Logger> = createToken<Logger>('LOGGER');
