import { z } from 'zod';
import { quantity } from './object-schema.ts';

const amounts = z.record(z.string(), quantity);

/** What a container may use, by resource: the part of core/v1 ResourceRequirements that matters to devices. */
export const containerResources = z.looseObject({
  requests: amounts.optional(),
  limits: amounts.optional(),
});

/** What a container may use. */
export type ContainerResources = z.infer<typeof containerResources>;

/** Which requests of a claim for extended resources a container gets (core/v1 PodExtendedResourceClaimStatus, KEP-5004). */
export const extendedResourceClaimStatus = z.object({
  resourceClaimName: z.string().default(''),
  requestMappings: z
    .array(
      z.object({
        containerName: z.string().default(''),
        resourceName: z.string().default(''),
        requestName: z.string().default(''),
      }),
    )
    .default([]),
});

/** A resource without a request is requested up to its limit, as the real server defaults it. */
export function defaultRequests(resources: ContainerResources | undefined): void {
  if (resources?.limits === undefined) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}
