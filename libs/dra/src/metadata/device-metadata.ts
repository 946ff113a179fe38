import type { CdiMount } from '../cdi/cdi-spec.ts';
import type { AttributeValue } from '../slices/device.ts';
import type { DeviceNetworkData } from '../status/claim-device-status.ts';

/** What a container is told about one allocated device (KEP-5304). Devices are named as in `AllocatedClaim.devices`. */
export interface DeviceMetadata {
  /** The request that the device was allocated for, with or without the subrequest. */
  readonly request: string;
  readonly pool: string;
  readonly device: string;
  readonly shareId?: string;
  /** By qualified name, as in a ResourceSlice; at least what the slice says is expected here, and more that is only known on the node. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Usually known only when the device is in the pod; any number of addresses. */
  readonly networkData?: DeviceNetworkData;
}

/** The mount that shows a request's metadata to a container. */
export interface RequestMetadataMount {
  /** The request's name without subrequest. */
  readonly request: string;
  /**
   * For the CDI device of the request's first device, so that every container which uses the request gets it once. The file exists and has
   * its final inode.
   */
  readonly mount: CdiMount;
}

/** Metadata that cannot be written; nothing was changed. */
export class DeviceMetadataInvalidError extends Error {
  override readonly name = 'DeviceMetadataInvalidError';
  /** One per mistake, each beginning with the path of the field. */
  readonly problems: readonly string[];

  constructor(claimUID: string, problems: readonly string[]) {
    super(`device metadata of claim ${claimUID} cannot be written: ${problems.join('; ')}`);
    this.problems = problems;
  }
}
