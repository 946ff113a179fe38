import { hostdevModule } from '@patchbay/backend-hostdev';
import { macvlanModule } from '@patchbay/backend-macvlan';
import { vethModule } from '@patchbay/backend-veth';
import type { BackendModule } from '@patchbay/core';

/** The backends that this build has. The configuration chooses among them. */
export const backendModules: readonly BackendModule[] = [
  hostdevModule,
  vethModule,
  macvlanModule,
] as BackendModule[];
