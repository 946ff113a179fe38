import {
  BACKEND,
  type BackendModule,
  CREATED_LINKS,
  driverNameOf,
  HOST_LINKS,
  HOST_ROUTES,
  leaseClient,
} from '@patchbay/core';
import * as z from 'zod';
import { VethAttach } from './veth-attach.ts';
import { type VethConfig, vethConfigSchema } from './veth-config.ts';
import { VethDiscovery } from './veth-discovery.ts';

/** Backend `veth`: a pair of links, one end in the pod, the other on a bridge of the host or routed. */
export const vethModule: BackendModule<VethConfig> = {
  kind: 'veth',
  configSchema: vethConfigSchema,
  parametersSchema: z.strictObject({}),
  register(container, config) {
    container.provide(BACKEND, () => {
      const hostLinks = container.resolve(HOST_LINKS);
      const createdLinks = container.resolve(CREATED_LINKS);
      return {
        discovery: new VethDiscovery(hostLinks, config),
        attach: new VethAttach(
          hostLinks,
          container.resolve(HOST_ROUTES),
          createdLinks,
          config,
          driverNameOf(container),
          leaseClient(container),
        ),
      };
    });
  },
};
