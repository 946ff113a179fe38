import { z } from 'zod';
import { nodeSelector, objectMeta, quantity, time, typeMeta } from './object-schema.ts';

const integer = z.number().int();

const attribute = z.object({
  int: integer.optional(),
  bool: z.boolean().optional(),
  string: z.string().optional(),
  version: z.string().optional(),
  ints: z.array(integer).optional(),
  bools: z.array(z.boolean()).optional(),
  strings: z.array(z.string()).optional(),
  versions: z.array(z.string()).optional(),
});

const requestPolicy = z.object({
  default: quantity.optional(),
  validValues: z.array(quantity).optional(),
  validRange: z
    .object({ min: quantity.optional(), max: quantity.optional(), step: quantity.optional() })
    .optional(),
});

const capacity = z.object({ value: quantity.default('0'), requestPolicy: requestPolicy.optional() });

const taint = z.object({
  key: z.string().default(''),
  value: z.string().optional(),
  effect: z.string().default(''),
  timeAdded: time.optional(),
});

const counters = z.record(z.string(), z.object({ value: quantity.default('0') }));

const device = z.object({
  name: z.string().default(''),
  attributes: z.record(z.string(), attribute).optional(),
  capacity: z.record(z.string(), capacity).optional(),
  consumesCounters: z
    .array(z.object({ counterSet: z.string().default(''), counters: counters.default({}) }))
    .optional(),
  nodeName: z.string().optional(),
  nodeSelector: nodeSelector.optional(),
  allNodes: z.boolean().optional(),
  taints: z.array(taint).optional(),
  bindsToNode: z.boolean().optional(),
  bindingConditions: z.array(z.string()).optional(),
  bindingFailureConditions: z.array(z.string()).optional(),
  allowMultipleAllocations: z.boolean().optional(),
});

/** resource.k8s.io/v1 ResourceSlice, the storage form. */
export const resourceSlice = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: z
    .object({
      driver: z.string().default(''),
      pool: z
        .object({
          name: z.string().default(''),
          generation: integer.default(0),
          resourceSliceCount: integer.default(0),
        })
        .default({ name: '', generation: 0, resourceSliceCount: 0 }),
      nodeName: z.string().optional(),
      nodeSelector: nodeSelector.optional(),
      allNodes: z.boolean().optional(),
      perDeviceNodeSelection: z.boolean().optional(),
      devices: z.array(device).optional(),
      sharedCounters: z
        .array(z.object({ name: z.string().default(''), counters: counters.default({}) }))
        .optional(),
    })
    .default({ driver: '', pool: { name: '', generation: 0, resourceSliceCount: 0 } }),
});

/** What a driver announces. */
export type ResourceSlice = z.infer<typeof resourceSlice>;
/** A device in a slice. */
export type SliceDevice = z.infer<typeof device>;
/** An attribute's value: exactly one member is set. */
export type SliceAttribute = z.infer<typeof attribute>;
/** A capacity of a device. */
export type SliceCapacity = z.infer<typeof capacity>;
/** How shares of a capacity may be requested. */
export type CapacityRequestPolicy = z.infer<typeof requestPolicy>;
/** A taint on a device. */
export type DeviceTaint = z.infer<typeof taint>;
