import {
  BACKEND,
  type BackendModule,
  CREATED_LINKS,
  HOST_LINKS,
  HOST_ROUTES,
  leaseClient,
  LinkPlaces,
} from '@patchbay/core';
import { MacvlanAttach } from './macvlan-attach.ts';
import { type MacvlanConfig, macvlanConfigSchema, macvlanParametersSchema } from './macvlan-config.ts';
import { MacvlanDiscovery } from './macvlan-discovery.ts';

/** Backend `macvlan`: links with a MAC address of their own on a parent link of the host. */
export const macvlanModule: BackendModule<MacvlanConfig> = {
  kind: 'macvlan',
  configSchema: macvlanConfigSchema,
  parametersSchema: macvlanParametersSchema,
  register(container, config) {
    container.provide(BACKEND, () => {
      const hostLinks = container.resolve(HOST_LINKS);
      return {
        discovery: new MacvlanDiscovery(hostLinks, config),
        attach: new MacvlanAttach(
          hostLinks,
          container.resolve(CREATED_LINKS),
          new LinkPlaces(container.resolve(HOST_ROUTES)),
          config,
          leaseClient(container),
        ),
      };
    });
  },
};
