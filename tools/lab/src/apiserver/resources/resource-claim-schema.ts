import { z } from 'zod';
import { nodeSelector, objectMeta, quantity, rawJson, time, typeMeta } from './object-schema.ts';

const integer = z.number().int();

const selector = z.object({ cel: z.object({ expression: z.string().default('') }).optional() });

const toleration = z.object({
  key: z.string().optional(),
  operator: z.string().optional(),
  value: z.string().optional(),
  effect: z.string().optional(),
  tolerationSeconds: integer.optional(),
});

const capacityRequests = z.object({ requests: z.record(z.string(), quantity).optional() });

const exactRequest = z.object({
  deviceClassName: z.string().default(''),
  selectors: z.array(selector).optional(),
  allocationMode: z.string().optional(),
  count: integer.optional(),
  adminAccess: z.boolean().optional(),
  tolerations: z.array(toleration).optional(),
  capacity: capacityRequests.optional(),
});

const subRequest = z.object({
  name: z.string().default(''),
  deviceClassName: z.string().default(''),
  selectors: z.array(selector).optional(),
  allocationMode: z.string().optional(),
  count: integer.optional(),
  tolerations: z.array(toleration).optional(),
  capacity: capacityRequests.optional(),
});

const request = z.object({
  name: z.string().default(''),
  exactly: exactRequest.optional(),
  firstAvailable: z.array(subRequest).optional(),
});

const opaque = z.object({ driver: z.string().default(''), parameters: rawJson.optional() }).optional();

const deviceClaim = z.object({
  requests: z.array(request).optional(),
  constraints: z
    .array(
      z.object({
        requests: z.array(z.string()).optional(),
        matchAttribute: z.string().optional(),
        distinctAttribute: z.string().optional(),
      }),
    )
    .optional(),
  config: z.array(z.object({ requests: z.array(z.string()).optional(), opaque })).optional(),
});

const claimSpec = z.object({ devices: deviceClaim.default({}) });

const allocationResult = z.object({
  request: z.string().default(''),
  driver: z.string().default(''),
  pool: z.string().default(''),
  device: z.string().default(''),
  adminAccess: z.boolean().optional(),
  tolerations: z.array(toleration).optional(),
  bindingConditions: z.array(z.string()).optional(),
  bindingFailureConditions: z.array(z.string()).optional(),
  shareID: z.string().optional(),
  consumedCapacity: z.record(z.string(), quantity).optional(),
});

const allocation = z.object({
  devices: z
    .object({
      results: z.array(allocationResult).optional(),
      config: z
        .array(
          z.object({
            source: z.string().default(''),
            requests: z.array(z.string()).optional(),
            opaque,
          }),
        )
        .optional(),
    })
    .default({}),
  nodeSelector: nodeSelector.optional(),
  allocationTimestamp: time.optional(),
});

const condition = z.object({
  type: z.string().default(''),
  status: z.string().default(''),
  observedGeneration: integer.optional(),
  lastTransitionTime: time.optional(),
  reason: z.string().default(''),
  message: z.string().default(''),
});

const deviceStatus = z.object({
  driver: z.string().default(''),
  pool: z.string().default(''),
  device: z.string().default(''),
  shareID: z.string().optional(),
  conditions: z.array(condition).optional(),
  data: rawJson.optional(),
  networkData: z
    .object({
      interfaceName: z.string().optional(),
      ips: z.array(z.string()).optional(),
      hardwareAddress: z.string().optional(),
    })
    .optional(),
});

const reservation = z.object({
  apiGroup: z.string().optional(),
  resource: z.string().default(''),
  name: z.string().default(''),
  uid: z.string().default(''),
});

/** resource.k8s.io/v1 ResourceClaim, the storage form. */
export const resourceClaim = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: claimSpec.default({ devices: {} }),
  status: z
    .object({
      allocation: allocation.optional(),
      reservedFor: z.array(reservation).optional(),
      devices: z.array(deviceStatus).optional(),
    })
    .optional(),
});

/** resource.k8s.io/v1 ResourceClaimTemplate. */
export const resourceClaimTemplate = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: z
    .object({ metadata: objectMeta.optional(), spec: claimSpec.default({ devices: {} }) })
    .default({ spec: { devices: {} } }),
});

/** resource.k8s.io/v1 DeviceClass. */
export const deviceClass = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: z
    .object({
      selectors: z.array(selector).optional(),
      config: z.array(z.object({ opaque })).optional(),
      extendedResourceName: z.string().optional(),
    })
    .default({}),
});

/** A request for devices, and what was given. */
export type ResourceClaim = z.infer<typeof resourceClaim>;
/** What a claim asks for. */
export type DeviceClaim = z.infer<typeof deviceClaim>;
/** One request of a claim. */
export type DeviceRequest = z.infer<typeof request>;
/** A request for devices of one kind. */
export type ExactDeviceRequest = z.infer<typeof exactRequest>;
/** An alternative within a request. */
export type DeviceSubRequest = z.infer<typeof subRequest>;
/** A taint that a request puts up with. */
export type DeviceToleration = z.infer<typeof toleration>;
/** One device that a claim was given. */
export type AllocationResult = z.infer<typeof allocationResult>;
/** Everything that a claim was given. */
export type Allocation = z.infer<typeof allocation>;
/** What a driver reports about an allocated device. */
export type AllocatedDeviceStatus = z.infer<typeof deviceStatus>;
/** A pattern from which claims are made. */
export type ResourceClaimTemplate = z.infer<typeof resourceClaimTemplate>;
/** A named selection of devices with configuration. */
export type DeviceClass = z.infer<typeof deviceClass>;
