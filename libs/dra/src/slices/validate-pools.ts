import type { AttributeValue, Device, DevicePool, DeviceTaint } from './device.ts';
import { DeviceInvalidError, DuplicateNameError } from './publish-errors.ts';
import { canonicalQuantity } from './quantity.ts';

// Limits of resource.k8s.io (types.go, validation.go).
const longestLabel = 63;
const longestPoolName = 253;
const longestIdentifier = 32;
const longestDomain = 63;
const longestValueBytes = 64;
const mostAttributesAndCapacities = 32;
const mostTaints = 16;

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const labelName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const semanticVersion =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*)?(\+[\da-zA-Z-]+(\.[\da-zA-Z-]+)*)?$/;

/** What can be published of the pools that were asked for. */
export interface ValidatedPools {
  readonly pools: readonly DevicePool[];
  /** Pools of which nothing must be touched, because what is wanted is ambiguous. */
  readonly untouchable: ReadonlySet<string>;
  readonly problems: readonly Error[];
}

/**
 * Leaves out what the API server would refuse, since one bad value would cost the whole slice, and says what and why. Duplicate names
 * make a pool untouchable: guessing which one is meant could take a device away from a running pod.
 */
export function validatePools(pools: readonly DevicePool[]): ValidatedPools {
  const problems: Error[] = [];
  const untouchable = new Set<string>();
  const seen = new Set<string>();
  const valid = pools.flatMap((pool): DevicePool[] => {
    if (pool.name.length > longestPoolName || !pool.name.split('/').every((part) => subdomain.test(part))) {
      problems.push(
        new DeviceInvalidError(pool.name, '', 'left out: a pool’s name is DNS subdomains joined by "/"'),
      );
      return [];
    }
    const duplicate = firstDuplicate(pool.devices.map(({ name }) => name));
    if (seen.has(pool.name) || duplicate !== undefined) {
      problems.push(new DuplicateNameError(pool.name, seen.has(pool.name) ? undefined : duplicate));
      untouchable.add(pool.name);
    }
    seen.add(pool.name);
    const devices = pool.devices.flatMap((device) => {
      const report = (problem: string) =>
        problems.push(new DeviceInvalidError(pool.name, device.name, problem));
      return validDevice(device, report);
    });
    return [{ name: pool.name, devices }];
  });
  return { pools: valid.filter(({ name }) => !untouchable.has(name)), untouchable, problems };
}

function validDevice(device: Device, report: (problem: string) => void): Device[] {
  if (device.name.length > longestLabel || !label.test(device.name)) {
    report('left out: a device’s name is a DNS label of at most 63 lower-case letters, digits and "-"');
    return [];
  }
  const keep = <T>(
    what: string,
    values: Readonly<Record<string, T>>,
    problem: (value: T) => string | undefined,
  ) =>
    Object.fromEntries(
      Object.entries(values).filter(([name, value]) => {
        const found = nameProblem(name) ?? problem(value);
        if (found !== undefined) report(`${what} ${name} left out: ${found}`);
        return found === undefined;
      }),
    );
  const capacity = keep('capacity', device.capacity ?? {}, ({ value }) =>
    canonicalQuantity(value) === undefined ? `'${value}' is no quantity` : undefined,
  );
  const room = mostAttributesAndCapacities - Object.keys(capacity).length;
  const attributes = Object.entries(keep('attribute', device.attributes, valueProblem));
  for (const [name] of attributes.slice(room)) {
    report(`attribute ${name} left out: at most ${mostAttributesAndCapacities} attributes and capacities`);
  }
  const taints = (device.taints ?? []).filter((taint) => {
    const found = taintProblem(taint);
    if (found !== undefined) report(`taint ${taint.key} left out: ${found}`);
    return found === undefined;
  });
  for (const { key } of taints.slice(mostTaints))
    report(`taint ${key} left out: at most ${mostTaints} taints`);
  const { capacity: _capacity, taints: _taints, ...rest } = device;
  return [
    {
      ...rest,
      attributes: Object.fromEntries(attributes.slice(0, room)),
      ...(Object.keys(capacity).length === 0 ? {} : { capacity }),
      ...(taints.length === 0 ? {} : { taints: taints.slice(0, mostTaints) }),
    },
  ];
}

function nameProblem(name: string): string | undefined {
  const slash = name.indexOf('/');
  const domain = slash < 0 ? undefined : name.slice(0, slash);
  const id = name.slice(slash + 1);
  if (id.length > longestIdentifier || !identifier.test(id)) {
    return `'${id}' is no C identifier of at most ${longestIdentifier} characters`;
  }
  if (domain !== undefined && (domain.length > longestDomain || !subdomain.test(domain))) {
    return `'${domain}' is no DNS subdomain of at most ${longestDomain} characters`;
  }
  return undefined;
}

function valueProblem(value: AttributeValue): string | undefined {
  if ('int' in value) return Number.isSafeInteger(value.int) ? undefined : `${value.int} is no exact integer`;
  if ('bool' in value) return undefined;
  const text = 'version' in value ? value.version : value.string;
  const bytes = Buffer.byteLength(text);
  if (bytes > longestValueBytes) return `it has ${bytes} bytes, at most ${longestValueBytes} are allowed`;
  if ('version' in value && !semanticVersion.test(text)) return `'${text}' is no semantic version (1.2.3)`;
  return undefined;
}

function taintProblem({ key, value }: DeviceTaint): string | undefined {
  const [domain, name] = key.includes('/') ? key.split('/', 2) : [undefined, key];
  const goodKey = name !== undefined && name.length <= longestLabel && labelName.test(name);
  if (!goodKey || (domain !== undefined && !subdomain.test(domain))) return 'the key is no label key';
  if (value !== undefined && value !== '' && (value.length > longestLabel || !labelName.test(value))) {
    return `'${value}' is no label value`;
  }
  return undefined;
}

function firstDuplicate(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}
