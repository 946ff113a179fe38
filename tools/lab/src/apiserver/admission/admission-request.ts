import type { UserInfo } from '../authentication/user-info.ts';
import type { ResourceRequest } from '../http/request-info.ts';
import type { JsonObject, KubeObject } from '../objects/kube-object.ts';

/** What admission calls the writes. */
export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE';

/** A write that passed validation and is about to be stored. */
export interface AdmissionAttributes {
  readonly request: ResourceRequest;
  readonly operation: AdmissionOperation;
  /** Of the object; a create with `generateName` has its name by now. */
  readonly name: string;
  /** Undefined for DELETE. */
  readonly object?: KubeObject;
  /** Undefined for CREATE. */
  readonly oldObject?: KubeObject;
  readonly user: UserInfo;
  readonly dryRun: boolean;
}

/**
 * The write as expressions see it (admission.k8s.io/v1 AdmissionRequest): what is empty is left out, as the real server's encoder does.
 *
 * @param version of the objects that the expressions see; differs from the request's when a policy matched another version
 */
export function admissionRequest(attributes: AdmissionAttributes, version: string): JsonObject {
  const { request, operation, name, user, dryRun } = attributes;
  const { definition, namespace, subresource } = request;
  const { group, plural } = definition;
  const extra = Object.entries(user.extra).map(([key, values]) => [key, [...values]]);
  return {
    kind: { group, version, kind: definition.kind },
    resource: { group, version, resource: plural },
    requestKind: { group, version: request.version, kind: definition.kind },
    requestResource: { group, version: request.version, resource: plural },
    ...(subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource }),
    name,
    ...(definition.namespaced ? { namespace } : {}),
    operation,
    userInfo: {
      username: user.username,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: [...user.groups],
      ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) as JsonObject }),
    },
    dryRun,
  };
}
