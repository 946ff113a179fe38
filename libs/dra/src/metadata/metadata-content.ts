import type { RecordedRequest, MetadataRecord } from './metadata-record.ts';
import { knownFacts } from './metadata-record.ts';

/** A claim's UID, one of its requests, and whose devices they are. */
export interface MetadataSubject {
  readonly driverName: string;
  readonly claimUID: string;
  readonly record: MetadataRecord;
  readonly request: RecordedRequest;
}

/** One per version of `metadata.resource.k8s.io`, newest first: a reader takes the first one that it knows (KEP-5304). */
const encodings: readonly ((subject: MetadataSubject) => object)[] = [encodeV1alpha1];

/**
 * The text of a request's file: JSON objects one after the other, which all say the same. Compact, so that it usually fits into one page
 * of memory, which readers see change at once.
 */
export function metadataContent(subject: MetadataSubject): string {
  return encodings.map((encode) => JSON.stringify(encode(subject))).join('\n');
}

function encodeV1alpha1({ driverName, claimUID, record, request }: MetadataSubject): object {
  const { name, namespace, podClaimName } = record;
  return {
    kind: 'DeviceMetadata',
    apiVersion: 'metadata.resource.k8s.io/v1alpha1',
    metadata: { name, namespace, uid: claimUID, generation: request.generation },
    ...(podClaimName === undefined ? {} : { podClaimName }),
    requests: [
      {
        name: request.name,
        // The share that the claim has of a device has no place in this version.
        devices: request.devices.map((one) => ({
          driver: driverName,
          pool: one.pool,
          name: one.device,
          ...knownFacts(one),
        })),
      },
    ],
  };
}
