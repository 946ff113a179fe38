import type { BackendSelection, Logger } from '@patchbay/core';
import type { KubeApi } from '@patchbay/dra';
import type { ForeignLibraries } from '@patchbay/ffi';
import type { DriverConfig } from '../configuration/driver-config.ts';
import type { DriverMetrics } from '../observability/driver-metrics.ts';

/** What a driver is made of. */
export interface DriverOptions {
  readonly config: DriverConfig;
  readonly backends: readonly BackendSelection[];
  readonly api: KubeApi;
  readonly libraries: ForeignLibraries;
  readonly metrics: DriverMetrics;
  readonly logger: Logger;
}
