import type { AllocatedClaim } from '../claims/allocated-claim.ts';
import { baseRequestName } from '../claims/resolve-claim.ts';
import type { AttributeValue } from '../slices/device.ts';
import type { DeviceNetworkData } from '../status/claim-device-status.ts';
import { canonicalInterfaceAddress } from '../status/device-status-entry.ts';
import type { DeviceMetadata } from './device-metadata.ts';
import { DeviceMetadataInvalidError } from './device-metadata.ts';
import { deviceKey } from './metadata-record.ts';

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const uid = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;

const valueTypes: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['int', 'number'],
  ['bool', 'boolean'],
  ['version', 'string'],
]);

/** Whether the text can be a claim's UID and the name of a directory. */
export function isClaimUID(text: string): boolean {
  return uid.test(text) && text.length <= 253;
}

/** Whether the text is a DNS subdomain of at most `longest` characters. */
export function isSubdomain(text: string, longest = 253): boolean {
  return subdomain.test(text) && text.length <= longest;
}

/**
 * Checks names that become parts of paths. The API server has checked them too; a path made from anything else must never be written.
 *
 * @throws DeviceMetadataInvalidError
 */
export function checkClaim(claim: AllocatedClaim): void {
  const problems: string[] = [];
  const { podClaimName } = claim;
  if (!isClaimUID(claim.uid)) problems.push(`claim.uid: '${claim.uid}' cannot name a directory`);
  if (!isSubdomain(claim.name)) problems.push(`claim.name: '${claim.name}' is no DNS subdomain`);
  if (podClaimName !== undefined && podClaimName !== '' && !label.test(podClaimName)) {
    problems.push(`claim.podClaimName: '${podClaimName}' is no DNS label`);
  }
  claim.devices.forEach(({ request }, index) => {
    if (!label.test(baseRequestName(request))) {
      problems.push(`claim.devices[${index}].request: '${request}' is no DNS label`);
    }
  });
  if (problems.length > 0) throw new DeviceMetadataInvalidError(claim.uid, problems);
}

/**
 * Checks what a driver says about devices. Go's decoder reads a whole file or nothing of it, so one value of the wrong type would cost the
 * container everything. The lengths that ResourceSlices allow are no matter here: nothing else enforces them.
 *
 * @param allocated keys (`deviceKey`) of the devices that the claim has
 * @returns the metadata with addresses in the spelling of the API server, as in the claim's status
 * @throws DeviceMetadataInvalidError with all mistakes
 */
export function checkedMetadata(
  claimUID: string,
  allocated: ReadonlySet<string>,
  devices: readonly DeviceMetadata[],
): readonly DeviceMetadata[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  const checked = devices.map((metadata, index) => {
    const { request, pool, device, shareId, attributes, networkData } = metadata;
    const at = `devices[${index}]`;
    const key = deviceKey(request, metadata);
    const name = `${pool}/${device}${shareId === undefined ? '' : ` (share ${shareId})`}`;
    if (!allocated.has(key)) problems.push(`${at}: the claim has no device ${name} for request '${request}'`);
    if (seen.has(key)) problems.push(`${at}: device ${name} of request '${request}' occurs twice`);
    seen.add(key);
    for (const [attribute, value] of Object.entries(attributes ?? {})) {
      const problem = valueProblem(value);
      if (problem !== undefined) problems.push(`${at}.attributes['${attribute}']: ${problem}`);
    }
    const report = (field: string, problem: string) =>
      problems.push(`${at}.networkData.${field}: ${problem}`);
    return {
      ...{ request, pool, device },
      ...(shareId === undefined ? {} : { shareId }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(networkData === undefined ? {} : { networkData: checkedNetworkData(networkData, report) }),
    };
  });
  if (problems.length > 0) throw new DeviceMetadataInvalidError(claimUID, problems);
  return checked;
}

function valueProblem(value: AttributeValue): string | undefined {
  const members = Object.entries(value) as [string, unknown][];
  const [member] = members;
  if (member === undefined || members.length > 1 || typeof member[1] !== valueTypes.get(member[0])) {
    return `${JSON.stringify(value)} must have one of string, int, bool and version`;
  }
  if ('int' in value && !Number.isSafeInteger(value.int)) return `${value.int} is no exact integer`;
  return undefined;
}

function checkedNetworkData(
  { interfaceName, hardwareAddress, ips }: DeviceNetworkData,
  report: (field: string, problem: string) => void,
): DeviceNetworkData {
  const addresses = (ips ?? []).flatMap((text, index) => {
    const canonical = canonicalInterfaceAddress(text);
    if (canonical.length === 0) report(`ips[${index}]`, `'${text}' is no address with a prefix length`);
    return canonical;
  });
  return {
    ...(interfaceName === undefined ? {} : { interfaceName }),
    ...(addresses.length === 0 ? {} : { ips: [...new Set(addresses)] }),
    ...(hardwareAddress === undefined ? {} : { hardwareAddress }),
  };
}
