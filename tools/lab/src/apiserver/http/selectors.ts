import { asJson, isJsonObject } from '../objects/kube-object.ts';
import type { JsonValue, KubeObject } from '../objects/kube-object.ts';
import type { VersionedResource } from '../resources/object-codec.ts';
import { apiVersion, encodeObject } from '../resources/object-codec.ts';
import { badRequest } from '../status-error.ts';

/** Whether an object is selected. */
export type Predicate = (object: KubeObject) => boolean;

/** Splits at commas that are not inside parentheses. */
function split(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Reads a label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`. Throws 400. */
export function labelSelector(text: string): Predicate {
  const tests = split(text).map(labelTest);
  return ({ metadata }) => tests.every((test) => test(metadata.labels ?? {}));
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

function labelTest(part: string): LabelTest {
  const set = /^(?<key>[\w./-]+)\s+(?<operator>in|notin)\s+\((?<values>[^)]*)\)$/.exec(part)?.groups;
  if (set !== undefined) {
    const { key = '', operator, values = '' } = set;
    const list = values.split(',').map((value) => value.trim());
    return (labels) => {
      const value = labels[key];
      return operator === 'in'
        ? value !== undefined && list.includes(value)
        : value === undefined || !list.includes(value);
    };
  }
  const equality = /^(?<key>[\w./-]+)\s*(?<operator>==|=|!=)\s*(?<value>[\w.-]*)$/.exec(part)?.groups;
  if (equality !== undefined) {
    const { key = '', operator, value } = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const existence = /^(?<not>!?)\s*(?<key>[\w./-]+)$/.exec(part)?.groups;
  if (existence === undefined) {
    throw badRequest(`unable to parse requirement: found '${part}', expected: a label selector`);
  }
  const { key = '', not } = existence;
  return (labels) => (labels[key] !== undefined) === (not === '');
}

/**
 * Reads a field selector: `field=value` and `field!=value`, for the fields that the resource offers. Throws 400 for
 * others, in the words of the real server.
 */
export function fieldSelector(resource: VersionedResource, text: string): Predicate {
  const { definition } = resource;
  const offered = [
    'metadata.name',
    ...(definition.namespaced ? ['metadata.namespace'] : []),
    ...definition.selectableFields,
  ];
  const tests = split(text).map((part) => {
    const match = /^(?<field>[^=!]+)(?<operator>==|=|!=)(?<value>.*)$/.exec(part)?.groups;
    if (match === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const { field = '', operator, value } = match;
    if (!offered.includes(field)) {
      throw badRequest(
        `Unable to find "${apiVersion(resource)}, Resource=${definition.plural}" that match label selector "", field selector ${JSON.stringify(text)}: field label not supported: ${field}`,
      );
    }
    return (object: KubeObject) => (read(resource, object, field) === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

function read(resource: VersionedResource, object: KubeObject, field: string): string {
  // Events have other names for their fields in the newer API; nothing else needs the conversion.
  const view =
    resource.definition.group === 'events.k8s.io' ? encodeObject(resource, object) : asJson(object);
  let value: JsonValue | undefined = view;
  for (const name of field.split('.')) value = isJsonObject(value) ? value[name] : undefined;
  if (isJsonObject(value)) value = value['component'];
  return value === undefined || value === null ? '' : String(value);
}
