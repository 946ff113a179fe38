import { z } from 'zod';
import { checkContainerResources } from '../validation/extended-resources.ts';
import { checkLabel } from '../validation/names.ts';
import { checkImmutable } from '../validation/object-meta.ts';
import { looseObject, objectMeta, typeMeta } from './object-schema.ts';
import { containerResources, defaultRequests, extendedResourceClaimStatus } from './pod-resources.ts';
import type { ResourceStrategy } from './resource-strategy.ts';

/** Nodes: stored as they come; the status has its own path. */
export const nodeStrategy: ResourceStrategy = {
  schema: looseObject,
  prepareForUpdate: keepOtherPart,
};

/** Service accounts: what tokens are issued for. */
export const serviceAccountStrategy: ResourceStrategy = { schema: looseObject };

/** Namespaces: stored as they come. */
export const namespaceStrategy: ResourceStrategy = {
  schema: looseObject,
  checkName: checkLabel,
  prepareForCreate(namespace) {
    namespace.spec = { finalizers: ['kubernetes'] };
    namespace.status = { phase: 'Active' };
  },
  prepareForUpdate: keepOtherPart,
};

function keepOtherPart(
  object: { spec?: unknown; status?: unknown },
  old: { spec?: unknown; status?: unknown },
  subresource: string,
): void {
  const kept = subresource === 'status' ? 'spec' : 'status';
  if (old[kept] === undefined) delete object[kept];
  else object[kept] = old[kept];
}

const container = z.looseObject({
  name: z.string(),
  restartPolicy: z.string().optional(),
  resources: containerResources.optional(),
});

const podSchema = z.looseObject({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: z
    .looseObject({
      nodeName: z.string().optional(),
      schedulerName: z.string().optional(),
      restartPolicy: z.string().optional(),
      terminationGracePeriodSeconds: z.number().int().optional(),
      initContainers: z.array(container).optional(),
      containers: z.array(container).default([]),
      resourceClaims: z
        .array(
          z.object({
            name: z.string(),
            resourceClaimName: z.string().optional(),
            resourceClaimTemplateName: z.string().optional(),
          }),
        )
        .optional(),
    })
    .default({ containers: [] }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).optional(),
      resourceClaimStatuses: z
        .array(z.object({ name: z.string(), resourceClaimName: z.string().optional() }))
        .optional(),
      extendedResourceClaimStatus: extendedResourceClaimStatus.optional(),
    })
    .optional(),
});

/** A pod; fields that matter to devices are typed, the rest is kept as it comes. */
export type Pod = z.infer<typeof podSchema>;

/** Pods: the claims and the node are fixed; the node is set by a binding. */
export const podStrategy: ResourceStrategy<Pod> = {
  schema: podSchema,
  tracksGeneration: true,
  applyDefaults({ spec }) {
    spec.restartPolicy ??= 'Always';
    spec.schedulerName ??= 'default-scheduler';
    spec.terminationGracePeriodSeconds ??= 30;
    for (const { resources } of [...(spec.initContainers ?? []), ...spec.containers])
      defaultRequests(resources);
  },
  prepareForCreate(pod) {
    pod.status = { phase: 'Pending' };
  },
  prepareForUpdate(pod, old, subresource) {
    if (subresource === 'status') pod.spec = old.spec;
    else if (subresource === '') pod.status = old.status;
  },
  validate(errors, { spec }) {
    if (spec.containers.length === 0) errors.required('spec.containers');
    for (const member of ['initContainers', 'containers'] as const) {
      spec[member]?.forEach(({ resources = {} }, index) => {
        checkContainerResources(errors, `spec.${member}[${String(index)}].resources`, resources);
      });
    }
    spec.resourceClaims?.forEach((claim, index) => {
      const path = `spec.resourceClaims[${String(index)}]`;
      checkLabel(errors, `${path}.name`, claim.name);
      const { resourceClaimName, resourceClaimTemplateName } = claim;
      if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
        errors.invalid(
          path,
          claim,
          'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
        );
      } else if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
        errors.required(path, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
      }
    });
  },
  validateUpdate(errors, pod, old, subresource) {
    if (subresource !== '') return;
    checkImmutable(errors, 'spec.nodeName', pod.spec.nodeName, old.spec.nodeName);
    checkImmutable(errors, 'spec.resourceClaims', pod.spec.resourceClaims, old.spec.resourceClaims);
  },
};

const eventSchema = z.looseObject({
  ...typeMeta,
  metadata: objectMeta.default({}),
  involvedObject: z.looseObject({ namespace: z.string().optional() }).default({}),
});

/** An event in the form of core/v1, which is also the storage form. */
export type CoreEvent = z.infer<typeof eventSchema>;

/** Events: core/v1 is the storage form, events.k8s.io/v1 is converted. */
export const eventStrategy: ResourceStrategy<CoreEvent> = {
  schema: eventSchema,
  validate(errors, event) {
    const wanted = event.involvedObject.namespace ?? '';
    const actual = event.metadata.namespace ?? '';
    // Events about cluster-scoped objects live in "default".
    if (wanted === '' ? actual !== 'default' : wanted !== actual) {
      errors.invalid('involvedObject.namespace', wanted, 'does not match event.namespace');
    }
    if (!('eventTime' in event) || event['eventTime'] === undefined) return;
    // Only events of the newer API carry a time; they must say who reports.
    for (const [member, field] of [
      ['reportingComponent', 'reportingController'],
      ['reportingInstance', 'reportingInstance'],
      ['action', 'action'],
      ['reason', 'reason'],
    ] as const) {
      const value = event[member];
      if (typeof value !== 'string' || value === '') errors.required(field);
      else errors.maxBytes(field, value, 128);
    }
    const note = event['message'];
    if (typeof note === 'string') errors.maxBytes('note', note, 1024);
  },
};
