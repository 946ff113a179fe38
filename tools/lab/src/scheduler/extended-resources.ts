import { isExtendedResource, IMPLICIT_RESOURCE_PREFIX } from '../apiserver/validation/extended-resources.ts';
import { Quantity } from '../apiserver/validation/quantity.ts';
import { isJsonObject } from '../apiserver/objects/kube-object.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { DeviceClass, DeviceRequest } from '../apiserver/resources/resource-claim-schema.ts';
import { UnschedulableError } from './device-request.ts';

/** Which request of the claim a container's resource comes from. */
export type RequestMapping = NonNullable<
  NonNullable<Pod['status']>['extendedResourceClaimStatus']
>['requestMappings'][number];

/** What a claim for a pod's extended resources asks for. */
export interface ExtendedResourceRequests {
  /** By name. */
  readonly requests: DeviceRequest[];
  readonly mappings: RequestMapping[];
}

type Container = Pod['spec']['containers'][number];

/**
 * The class that stands for an extended resource: of those that name it the newest, then the first by name; or the class that the implicit
 * name has.
 */
function classOfResource(classes: readonly DeviceClass[], resourceName: string): DeviceClass | undefined {
  const named = classes.filter(({ spec }) => spec.extendedResourceName === resourceName);
  const newestFirst = named.sort((a, b) => {
    const [timeA = '', timeB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
    return timeB.localeCompare(timeA) || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '');
  });
  return (
    newestFirst[0] ??
    classes.find(({ metadata }) => `${IMPLICIT_RESOURCE_PREFIX}${metadata.name ?? ''}` === resourceName)
  );
}

/**
 * What of a pod's extended resources has to come from devices on a node: those with a class, unless a device plugin has them there
 * (KEP-5004). Undefined when nothing has to. Throws {@link UnschedulableError} for a resource that comes from nowhere.
 */
export function extendedResourceRequests(
  pod: Pod,
  node: KubeObject,
  classes: readonly DeviceClass[],
): ExtendedResourceRequests | undefined {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const names = new Set(containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {})));
  const wanted = [...names].filter(
    (name) =>
      (isExtendedResource(name) || name.startsWith(IMPLICIT_RESOURCE_PREFIX)) &&
      containers.some((container) => amountOf(container, name) > 0),
  );
  const requests: DeviceRequest[] = [];
  const mappings: RequestMapping[] = [];
  for (const resourceName of wanted.sort()) {
    if (allocatable(node, resourceName)) continue;
    const deviceClass = classOfResource(classes, resourceName);
    if (deviceClass === undefined) throw new UnschedulableError(`Insufficient ${resourceName}`);
    const own = requestsOf(pod, resourceName, deviceClass.metadata.name ?? '');
    requests.push(...own.requests);
    mappings.push(...own.mappings);
  }
  if (requests.length === 0) return undefined;
  return { requests: requests.sort((a, b) => (a.name < b.name ? -1 : 1)), mappings };
}

/** Whether a device plugin has some of a resource on a node. */
function allocatable({ status }: KubeObject, resourceName: string): boolean {
  const amounts = isJsonObject(status) ? status['allocatable'] : undefined;
  const amount = isJsonObject(amounts) ? amounts[resourceName] : undefined;
  return (typeof amount === 'string' || typeof amount === 'number') && Quantity.parse(amount).nano > 0n;
}

/** How many of a resource a container wants; 0 also for what is not a whole number. */
function amountOf({ resources }: Container, resourceName: string): number {
  const amount = resources?.requests?.[resourceName];
  if (amount === undefined) return 0;
  const { nano } = Quantity.parse(amount);
  return nano % 1_000_000_000n === 0n ? Number(nano / 1_000_000_000n) : 0;
}

/**
 * The requests for one resource: one for each container that stays, and one for all init containers that end. Those use the devices of the
 * containers that come after them, so their request is only for what is missing in the hungriest of them.
 */
function requestsOf(pod: Pod, resourceName: string, deviceClassName: string): ExtendedResourceRequests {
  const initContainers = pod.spec.initContainers ?? [];
  const containers = [...initContainers, ...pod.spec.containers];
  const request = (index: number, container: Container, count: number): DeviceRequest => {
    const position = Object.keys(container.resources?.requests ?? {})
      .sort()
      .indexOf(resourceName);
    const name = `container-${String(index)}-request-${String(position)}`;
    return { name, exactly: { deviceClassName, allocationMode: 'ExactCount', count } };
  };
  const ends = (index: number) =>
    index < initContainers.length && containers[index]?.restartPolicy !== 'Always';

  const staying = containers.map((container, index) => {
    const count = ends(index) ? 0 : amountOf(container, resourceName);
    return count === 0 ? undefined : request(index, container, count);
  });
  let extra: DeviceRequest | undefined;
  // What an init container takes: requests of later containers, and then the extra request, whose name is known last.
  const ending = containers.flatMap((container, index) => {
    let missing = ends(index) ? amountOf(container, resourceName) : 0;
    const borrowed: string[] = [];
    for (const later of staying.slice(index)) {
      if (missing <= 0) break;
      if (later === undefined) continue;
      borrowed.push(later.name);
      missing -= later.exactly?.count ?? 0;
    }
    if (missing > (extra?.exactly?.count ?? 0)) extra = request(index, container, missing);
    return [{ container, borrowed, needsExtra: missing > 0 }];
  });
  const mapping = (container: Container, requestName: string) => ({
    containerName: container.name,
    resourceName,
    requestName,
  });
  const extraNames = extra === undefined ? [] : [extra.name];
  return {
    requests: [...(extra === undefined ? [] : [extra]), ...staying.filter((one) => one !== undefined)],
    mappings: [
      ...containers.flatMap((container, index) => {
        const own = staying[index];
        return own === undefined ? [] : [mapping(container, own.name)];
      }),
      ...ending.flatMap(({ container, borrowed, needsExtra }) =>
        [...borrowed, ...(needsExtra ? extraNames : [])].map((name) => mapping(container, name)),
      ),
    ],
  };
}
