import type {
  AllocatedDeviceStatus,
  Allocation,
  AllocationResult,
  ResourceClaim,
} from '../resources/resource-claim-schema.ts';
import { checkConditions } from './conditions.ts';
import { checkBindingConditions } from './device.ts';
import {
  checkConfiguration,
  checkRequestReference,
  checkRequestReferences,
  checkTolerations,
  MAX_ENTRIES,
  requestNames,
} from './device-claim.ts';
import { eachItem, eachUnique } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { canonicalInterfaceAddress } from './interface-address.ts';
import { checkDriverName, checkLabel, checkPoolName, checkUuid } from './names.ts';
import { checkNodeSelector } from './node-selector.ts';
import { checkImmutable } from './object-meta.ts';
import { checkRawJson } from './raw-json.ts';

const MAX_RESERVATIONS = 256;
const MAX_RESULTS = 32;
const MAX_CONDITIONS = 8;
const MAX_IPS = 16;
const MAX_INTERFACE_NAME_BYTES = 256;
const MAX_HARDWARE_ADDRESS_BYTES = 128;
const SOURCES = ['FromClaim', 'FromClass'];

/** Checks a claim's new status against the stored claim (KEP-4817 for `devices`). */
export function checkClaimStatus(errors: FieldErrors, claim: ResourceClaim, old: ResourceClaim): void {
  const status = claim.status ?? {};
  const { allocation, reservedFor = [] } = status;
  eachUnique(
    errors,
    'status.reservedFor',
    reservedFor,
    MAX_RESERVATIONS,
    ({ uid }) => uid,
    (reservation, path) => {
      for (const member of ['resource', 'name', 'uid'] as const) {
        if (reservation[member] === '') errors.required(`${path}.${member}`);
      }
    },
  );
  const allocated = new Set((allocation?.devices.results ?? []).map(deviceId));
  eachUnique(errors, 'status.devices', status.devices, Infinity, deviceId, (device, path) =>
    checkDeviceStatus(errors, path, device, allocated),
  );
  if (reservedFor.length > 0 && allocation === undefined) {
    errors.forbidden('status.reservedFor', 'may not be specified when `allocated` is not set');
  } else if (claim.metadata.deletionTimestamp !== undefined) {
    const known = new Set((old.status?.reservedFor ?? []).map(({ uid }) => uid));
    if (reservedFor.some(({ uid }) => !known.has(uid))) {
      errors.forbidden(
        'status.reservedFor',
        'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
      );
    }
  }
  if (allocation === undefined) return;
  if (old.status?.allocation !== undefined) {
    checkImmutable(errors, 'status.allocation', allocation, old.status.allocation);
  } else {
    checkAllocation(errors, 'status.allocation', allocation, requestNames(claim.spec.devices));
  }
}

/** Driver, pool, device and share, the key of `status.devices` and of allocation results. */
function deviceId(device: AllocatedDeviceStatus | AllocationResult): string {
  const share = device.shareID === undefined ? '' : `/${device.shareID}`;
  return `${device.driver}/${device.pool}/${device.device}${share}`;
}

function checkAllocation(
  errors: FieldErrors,
  field: string,
  allocation: Allocation,
  names: ReadonlySet<string>,
): void {
  eachItem(errors, `${field}.devices.results`, allocation.devices.results, MAX_RESULTS, (result, path) => {
    checkRequestReference(errors, `${path}.request`, result.request, names);
    checkDriverName(errors, `${path}.driver`, result.driver);
    checkPoolName(errors, `${path}.pool`, result.pool);
    checkLabel(errors, `${path}.device`, result.device);
    checkBindingConditions(errors, path, result);
    checkTolerations(errors, `${path}.tolerations`, result.tolerations);
    if (result.shareID !== undefined) checkUuid(errors, `${path}.shareID`, result.shareID);
  });
  eachItem(
    errors,
    `${field}.devices.config`,
    allocation.devices.config,
    // Those of the classes and those of the claim.
    2 * MAX_ENTRIES,
    (config, path) => {
      if (config.source === '') errors.required(`${path}.source`);
      else if (!SOURCES.includes(config.source)) {
        errors.notSupported(`${path}.source`, config.source, SOURCES);
      }
      checkRequestReferences(errors, `${path}.requests`, config.requests, names);
      checkConfiguration(errors, path, config.opaque);
    },
  );
  if (allocation.nodeSelector !== undefined) {
    checkNodeSelector(errors, `${field}.nodeSelector`, allocation.nodeSelector);
  }
}

function checkDeviceStatus(
  errors: FieldErrors,
  path: string,
  device: AllocatedDeviceStatus,
  allocated: ReadonlySet<string>,
): void {
  checkDriverName(errors, `${path}.driver`, device.driver);
  checkPoolName(errors, `${path}.pool`, device.pool);
  checkLabel(errors, `${path}.device`, device.device);
  if (device.shareID !== undefined) checkUuid(errors, `${path}.shareID`, device.shareID);
  const id = deviceId(device);
  if (!allocated.has(id)) errors.invalid(path, id, 'must be an allocated device in the claim');
  const conditions = device.conditions ?? [];
  if (conditions.length > MAX_CONDITIONS) {
    errors.tooMany(`${path}.conditions`, conditions.length, MAX_CONDITIONS);
  }
  checkConditions(errors, `${path}.conditions`, conditions);
  if (device.data !== undefined) checkRawJson(errors, `${path}.data`, device.data);
  checkNetworkData(errors, `${path}.networkData`, device.networkData);
}

function checkNetworkData(
  errors: FieldErrors,
  path: string,
  network: AllocatedDeviceStatus['networkData'],
): void {
  if (network === undefined) return;
  errors.maxBytes(`${path}.interfaceName`, network.interfaceName ?? '', MAX_INTERFACE_NAME_BYTES);
  errors.maxBytes(`${path}.hardwareAddress`, network.hardwareAddress ?? '', MAX_HARDWARE_ADDRESS_BYTES);
  eachUnique(
    errors,
    `${path}.ips`,
    network.ips,
    MAX_IPS,
    (ip) => ip,
    (ip, field) => {
      const canonical = canonicalInterfaceAddress(ip);
      if (canonical === undefined) {
        errors.invalid(
          field,
          ip,
          'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
        );
      } else if (canonical !== ip) {
        errors.invalid(field, ip, `must be in canonical form (${JSON.stringify(canonical)})`);
      }
    },
  );
}
