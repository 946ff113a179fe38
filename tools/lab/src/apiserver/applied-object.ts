import type { ResourceRequest } from './http/request-info.ts';
import { withoutNulls } from './objects/canonical-json.ts';
import { asJson, isJsonObject } from './objects/kube-object.ts';
import type { JsonObject, KubeObject } from './objects/kube-object.ts';
import { apiVersion, decodeObject } from './resources/object-codec.ts';
import { badRequest, internalError } from './status-error.ts';

/**
 * Reads the object of an apply patch, in the storage form: only what the client wrote, because that is what it comes
 * to own. Unknown fields are an error here, unlike in other writes.
 */
export function decodeApplied(request: ResourceRequest, body: JsonObject): JsonObject {
  if (body['apiVersion'] === undefined || body['kind'] === undefined) {
    throw badRequest('invalid object type: apiVersion and kind must be set in an apply patch');
  }
  const { definition, version } = request;
  const bare = { ...definition, strategy: { schema: definition.strategy.schema } };
  const { object, unknownFields } = decodeObject({ definition: bare, version }, body);
  if (unknownFields.length > 0) {
    throw typedPatchError(
      request,
      unknownFields.map((field) => `.${field}: field not declared in schema`).join(', '),
    );
  }
  if ((object.metadata.managedFields ?? []).length > 0)
    throw badRequest('metadata.managedFields must be nil');
  const { name = request.name } = object.metadata;
  if (name !== request.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${request.name})`);
  }
  object.metadata.name = name;
  takeNamespace(request, object);
  return onlyGiven(asJson(object), withoutNulls(definition.versions[version]?.toStorage(body) ?? body));
}

/** 500, as the real server answers when an applied object does not fit the schema or its lists have bad keys. */
export function typedPatchError(request: ResourceRequest, problem: string): Error {
  const { definition, namespace, name } = request;
  return internalError(
    `failed to create typed patch object (${namespace}/${name}; ${apiVersion(request)}, Kind=${definition.kind}): ${problem}`,
  );
}

/** Puts an object into the namespace of the request; 400 when it names another one. */
export function takeNamespace(request: ResourceRequest, { metadata }: KubeObject): void {
  if (!request.definition.namespaced) {
    delete metadata.namespace;
    return;
  }
  metadata.namespace ??= request.namespace;
  if (metadata.namespace !== request.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function onlyGiven(decoded: JsonObject, given: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(decoded)) {
    const counterpart = given[key];
    if (counterpart === undefined && key !== 'metadata') continue;
    if (isJsonObject(value) && isJsonObject(counterpart)) result[key] = onlyGiven(value, counterpart);
    else if (Array.isArray(value) && Array.isArray(counterpart)) {
      result[key] = value.map((item, index) => {
        const other = counterpart[index];
        return isJsonObject(item) && isJsonObject(other) ? onlyGiven(item, other) : item;
      });
    } else result[key] = value;
  }
  return result;
}
