import { checkDeviceExpression } from '../../scheduler/device-cel.ts';
import { checkStatusAuthorization } from '../authorization/claim-status-authorization.ts';
import type { Features } from '../features.ts';
import { at } from '../validation/field-errors.ts';
import type { FieldErrors } from '../validation/field-errors.ts';
import { checkClaimStatus } from '../validation/claim-status.ts';
import {
  checkConfiguration,
  checkDeviceClaim,
  checkSelectors,
  MAX_ENTRIES,
} from '../validation/device-claim.ts';
import { checkExtendedResourceName } from '../validation/extended-resources.ts';
import { eachItem } from '../validation/field-errors.ts';
import { checkImmutable } from '../validation/object-meta.ts';
import { deviceClass, resourceClaim, resourceClaimTemplate } from './resource-claim-schema.ts';
import type {
  DeviceClaim,
  DeviceClass,
  DeviceToleration,
  ResourceClaim,
  ResourceClaimTemplate,
} from './resource-claim-schema.ts';
import type { ResourceStrategy, StrategyContext } from './resource-strategy.ts';

/** A namespace must carry it, as "true", for claims in it to get administrative access. */
const ADMIN_LABEL = 'resource.kubernetes.io/admin-access';

/** ResourceClaims: the spec is immutable, the status has its own path. */
export const resourceClaimStrategy: ResourceStrategy<ResourceClaim> = {
  schema: resourceClaim,
  applyDefaults({ spec, status }) {
    defaultDeviceClaim(spec.devices);
    for (const result of status?.allocation?.devices.results ?? []) defaultTolerations(result.tolerations);
  },
  prepareForCreate(claim, { features }) {
    delete claim.status;
    dropDisabledSpec(claim.spec.devices, undefined, features);
  },
  prepareForUpdate(claim, old, subresource, { features }) {
    if (subresource !== 'status') {
      if (old.status === undefined) delete claim.status;
      else claim.status = old.status;
      dropDisabledSpec(claim.spec.devices, old.spec.devices, features);
      return;
    }
    claim.spec = old.spec;
    dropDeallocatedDevices(claim, old);
    dropDisabledStatus(claim, old, features);
  },
  validate(errors, claim, context) {
    checkAdminAccess(errors, 'spec.devices', claim.spec.devices, claim.metadata.namespace ?? '', context);
    checkDeviceClaim(errors, 'spec.devices', claim.spec.devices, checkDeviceExpression);
  },
  validateUpdate(errors, claim, old, subresource, { features, caller }) {
    if (subresource !== 'status') {
      checkImmutable(errors, 'spec', claim.spec, old.spec);
      return;
    }
    if (features.DRAResourceClaimGranularStatusAuthorization) {
      checkStatusAuthorization(errors, claim, old, caller);
    }
    checkClaimStatus(errors, claim, old);
  },
};

/** ResourceClaimTemplates: immutable. */
export const resourceClaimTemplateStrategy: ResourceStrategy<ResourceClaimTemplate> = {
  schema: resourceClaimTemplate,
  applyDefaults({ spec }) {
    defaultDeviceClaim(spec.spec.devices);
  },
  prepareForCreate(template, { features }) {
    dropDisabledSpec(template.spec.spec.devices, undefined, features);
  },
  validate(errors, template, context) {
    const { devices } = template.spec.spec;
    checkAdminAccess(errors, 'spec.spec.devices', devices, template.metadata.namespace ?? '', context);
    checkDeviceClaim(errors, 'spec.spec.devices', devices, checkDeviceExpression);
  },
  validateUpdate(errors, template, old) {
    checkImmutable(errors, 'spec', template.spec, old.spec);
  },
};

/** DeviceClasses: cluster-scoped. */
export const deviceClassStrategy: ResourceStrategy<DeviceClass> = {
  schema: deviceClass,
  tracksGeneration: true,
  prepareForCreate({ spec }, { features }) {
    if (!features.DRAExtendedResource) delete spec.extendedResourceName;
  },
  prepareForUpdate({ spec }, old, _subresource, { features }) {
    if (!features.DRAExtendedResource && old.spec.extendedResourceName === undefined) {
      delete spec.extendedResourceName;
    }
  },
  validate: checkDeviceClass,
  validateUpdate: checkDeviceClass,
};

function checkDeviceClass(errors: FieldErrors, { spec }: DeviceClass): void {
  checkSelectors(errors, 'spec.selectors', spec.selectors, checkDeviceExpression);
  eachItem(errors, 'spec.config', spec.config, MAX_ENTRIES, ({ opaque }, path) =>
    checkConfiguration(errors, path, opaque),
  );
  if (spec.extendedResourceName !== undefined) {
    checkExtendedResourceName(errors, 'spec.extendedResourceName', spec.extendedResourceName);
  }
}

function defaultDeviceClaim(devices: DeviceClaim): void {
  for (const request of devices.requests ?? []) {
    for (const one of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (one === undefined) continue;
      if ((one.allocationMode ?? '') === '') one.allocationMode = 'ExactCount';
      if (one.allocationMode === 'ExactCount' && (one.count ?? 0) === 0) one.count = 1;
      defaultTolerations(one.tolerations);
    }
  }
}

function defaultTolerations(tolerations: DeviceToleration[] | undefined): void {
  for (const toleration of tolerations ?? []) {
    if ((toleration.operator ?? '') === '') toleration.operator = 'Equal';
  }
}

function checkAdminAccess(
  errors: FieldErrors,
  field: string,
  devices: DeviceClaim,
  namespace: string,
  context: StrategyContext,
): void {
  devices.requests?.forEach((request, index) => {
    if (request.exactly?.adminAccess !== true) return;
    if (context.namespaceLabels(namespace)?.[ADMIN_LABEL] === 'true') return;
    errors.forbidden(
      `${at(`${field}.requests`, index)}.exactly.adminAccess`,
      `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`,
    );
  });
}

function dropDisabledSpec(devices: DeviceClaim, old: DeviceClaim | undefined, features: Features): void {
  const requests = devices.requests ?? [];
  const oldRequests = old?.requests ?? [];
  if (!features.DRAPrioritizedList && !oldRequests.some((request) => request.firstAvailable !== undefined)) {
    for (const request of requests) delete request.firstAvailable;
  }
  if (!features.DRAAdminAccess && !oldRequests.some(({ exactly }) => exactly?.adminAccess !== undefined)) {
    for (const { exactly } of requests) delete exactly?.adminAccess;
  }
  const variants = (list: typeof requests) =>
    list.flatMap(({ exactly, firstAvailable }) => [
      ...(exactly === undefined ? [] : [exactly]),
      ...(firstAvailable ?? []),
    ]);
  if (
    !features.DRADeviceTaints &&
    !variants(oldRequests).some(({ tolerations }) => tolerations !== undefined)
  ) {
    for (const variant of variants(requests)) delete variant.tolerations;
  }
  if (
    !features.DRAConsumableCapacity &&
    !variants(oldRequests).some(({ capacity }) => capacity !== undefined)
  ) {
    for (const variant of variants(requests)) delete variant.capacity;
    for (const constraint of devices.constraints ?? []) delete constraint.distinctAttribute;
  }
}

/** Reports about devices that this update takes away from the claim go with them. */
function dropDeallocatedDevices(claim: ResourceClaim, old: ResourceClaim): void {
  const id = ({ driver, pool, device }: { driver: string; pool: string; device: string }): string =>
    `${driver}/${pool}/${device}`;
  const gone = new Set((old.status?.allocation?.devices.results ?? []).map(id));
  for (const result of claim.status?.allocation?.devices.results ?? []) gone.delete(id(result));
  if (claim.status?.devices === undefined) return;
  claim.status.devices = claim.status.devices.filter((device) => !gone.has(id(device)));
}

function dropDisabledStatus(claim: ResourceClaim, old: ResourceClaim, features: Features): void {
  const { status } = claim;
  if (status === undefined) return;
  if (!features.DRAResourceClaimDeviceStatus && (old.status?.devices ?? []).length === 0) {
    delete status.devices;
  }
  const results = status.allocation?.devices.results ?? [];
  const oldResults = old.status?.allocation?.devices.results ?? [];
  if (!features.DRAAdminAccess && !oldResults.some(({ adminAccess }) => adminAccess !== undefined)) {
    for (const result of results) delete result.adminAccess;
  }
  if (!features.DRAConsumableCapacity && !oldResults.some(({ shareID }) => shareID !== undefined)) {
    for (const result of results) {
      delete result.shareID;
      delete result.consumedCapacity;
    }
    for (const device of status.devices ?? []) delete device.shareID;
  }
  if (!features.DRADeviceBindingConditions) {
    for (const result of results) {
      delete result.bindingConditions;
      delete result.bindingFailureConditions;
    }
  }
}
