/** An object of `metadata.resource.k8s.io/v1alpha1`, as a container reads it. */
export interface DecodedDeviceMetadata {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly generation: number;
  };
  readonly podClaimName?: string;
  readonly requests: readonly {
    readonly name: string;
    readonly devices: readonly {
      readonly driver: string;
      readonly pool: string;
      readonly name: string;
      readonly attributes?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      readonly networkData?: Readonly<Record<string, unknown>>;
    }[];
  }[];
}

/**
 * Reads a device metadata file by the rules of Go's decoder (k8s.io/dynamic-resource-allocation/devicemetadata): JSON values one after the
 * other, of which the first in a known version counts; those in unknown versions are skipped.
 *
 * @throws Error when no value counts, or when one before it, or a member that Go gives a type, is not what Go takes.
 */
export function decodeDeviceMetadata(text: string): DecodedDeviceMetadata {
  const unknown: string[] = [];
  for (let rest = text.trimStart(); rest !== ''; rest = rest.trimStart()) {
    const length = firstValueLength(rest);
    const value = JSON.parse(rest.slice(0, length)) as { apiVersion?: string; kind?: string };
    if (!value.apiVersion || !value.kind) throw new Error('decode metadata object: no kind or version');
    if (value.apiVersion === 'metadata.resource.k8s.io/v1alpha1') {
      if (value.kind !== 'DeviceMetadata') throw new Error(`kind ${value.kind} is not registered`);
      checkTypes(value as unknown as DecodedDeviceMetadata);
      return value as unknown as DecodedDeviceMetadata;
    }
    unknown.push(value.apiVersion);
    rest = rest.slice(length);
  }
  throw new Error(unknown.length === 0 ? 'no metadata objects' : `unknown versions: ${unknown.join(', ')}`);
}

function firstValueLength(text: string): number {
  if (!text.startsWith('{')) throw new Error(`no JSON object begins with ${text.slice(0, 10)}`);
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '{') depth++;
    else if (!quoted && character === '}' && --depth === 0) return at + 1;
  }
  throw new Error('unexpected end of JSON input');
}

/** Go refuses to put a value into a field of another type, and an integer with a fraction into int64. */
function checkTypes({ metadata, requests }: DecodedDeviceMetadata): void {
  const strings: unknown[] = [metadata.name, metadata.namespace, metadata.uid];
  if (!Number.isSafeInteger(metadata.generation)) throw new Error('metadata.generation is no int64');
  for (const request of requests) {
    strings.push(request.name);
    for (const one of request.devices) {
      strings.push(one.driver, one.pool, one.name);
      for (const [name, value] of Object.entries(one.attributes ?? {})) {
        const [[kind = '', content] = []] = Object.entries(value);
        const fits = { string: 'string', version: 'string', bool: 'boolean', int: 'number' }[kind];
        if (typeof content !== fits || (kind === 'int' && !Number.isSafeInteger(content))) {
          throw new Error(`attributes[${name}]: cannot unmarshal ${JSON.stringify(value)}`);
        }
      }
      const { interfaceName = '', hardwareAddress = '', ips = [] } = one.networkData ?? {};
      strings.push(interfaceName, hardwareAddress, ...(ips as unknown[]));
    }
  }
  if (!strings.every((text) => typeof text === 'string')) throw new Error('a string field has no string');
}
