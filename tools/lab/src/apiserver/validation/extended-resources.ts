import type { ContainerResources } from '../resources/pod-resources.ts';
import type { FieldErrors } from './field-errors.ts';
import { checkLabelName } from './names.ts';
import { Quantity } from './quantity.ts';

/** Before a device class's name: the extended resource that every class has without asking (KEP-5004). */
export const IMPLICIT_RESOURCE_PREFIX = 'deviceclass.resource.kubernetes.io/';

/** Whether a resource of containers is an extended one: it has a domain, and not one of Kubernetes' own (core/v1 helpers). */
export function isExtendedResource(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

/** Checks the extended resource that a device class stands for. */
export function checkExtendedResourceName(errors: FieldErrors, field: string, name: string): void {
  checkLabelName(errors, field, name);
  if (!isExtendedResource(name)) {
    errors.invalid(
      field,
      name,
      'must be an extended resource: a domain that is not of kubernetes.io, and a name',
    );
  }
}

/** Checks that extended resources of a container are whole numbers, and requested exactly as much as they are limited to. */
export function checkContainerResources(
  errors: FieldErrors,
  field: string,
  { requests = {}, limits = {} }: ContainerResources,
): void {
  for (const [member, amounts] of Object.entries({ requests, limits })) {
    for (const [name, amount] of Object.entries(amounts).filter(([one]) => isExtendedResource(one))) {
      if (Quantity.parse(amount).nano % 1_000_000_000n !== 0n) {
        errors.invalid(`${field}.${member}[${name}]`, amount, 'must be an integer');
      }
    }
  }
  for (const [name, request] of Object.entries(requests).filter(([one]) => isExtendedResource(one))) {
    const limit = limits[name];
    if (limit === undefined) {
      errors.required(`${field}.limits`, 'Limit must be set for non overcommitable resources');
    } else if (limit !== request) {
      errors.invalid(`${field}.requests`, request, `must be equal to ${name} limit of ${limit}`);
    }
  }
}
