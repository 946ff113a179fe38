import {
  BACKEND,
  type BackendModule,
  HOST_LINKS,
  HOST_ROUTES,
  leaseClient,
  LinkPlaces,
  MOVED_LINKS,
  NAMESPACE_PINS,
  StrayPins,
} from '@patchbay/core';
import * as z from 'zod';
import { HostdevAttach } from './hostdev-attach.ts';
import { type HostdevConfig, hostdevConfigSchema } from './hostdev-config.ts';
import { HostdevDiscovery } from './hostdev-discovery.ts';

/** Backend `hostdev`: any link of the host, moved into the pod as a whole and restored afterwards. */
export const hostdevModule: BackendModule<HostdevConfig> = {
  kind: 'hostdev',
  configSchema: hostdevConfigSchema,
  parametersSchema: z.strictObject({}),
  register(container, config) {
    container.provide(BACKEND, () => {
      const hostLinks = container.resolve(HOST_LINKS);
      const routes = container.resolve(HOST_ROUTES);
      const pins = container.has(NAMESPACE_PINS)
        ? new StrayPins(container.resolve(NAMESPACE_PINS), routes)
        : undefined;
      return {
        discovery: new HostdevDiscovery(hostLinks, config),
        attach: new HostdevAttach(
          hostLinks,
          container.resolve(MOVED_LINKS),
          new LinkPlaces(routes),
          leaseClient(container),
          pins,
        ),
      };
    });
  },
};
