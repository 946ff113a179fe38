import { randomUUID } from 'node:crypto';
import { AUTHENTICATED_GROUP, serviceAccountUsername } from './user-info.ts';
import type { ServiceAccountName, UserInfo } from './user-info.ts';

/** What a token is asked for: whose it is, and what it is bound to, as the kubelet asks for a pod's token. */
export interface ServiceAccountTokenRequest {
  readonly serviceAccount: ServiceAccountName;
  /** The node of the pod; without it the token says nothing of a node, as tokens did before Kubernetes 1.30. */
  readonly nodeName?: string;
  readonly podName?: string;
  readonly podUID?: string;
  /** Milliseconds from now; default one hour, as for a TokenRequest. */
  readonly expiresInMs?: number;
}

/** Where a token's bindings stand in `UserInfo.extra` (KEP-4193). */
export const TOKEN_EXTRA = {
  nodeName: 'authentication.kubernetes.io/node-name',
  podName: 'authentication.kubernetes.io/pod-name',
  podUID: 'authentication.kubernetes.io/pod-uid',
  credentialId: 'authentication.kubernetes.io/credential-id',
} as const;

/** The user that the bearer of a token is. */
export function serviceAccountUser(request: ServiceAccountTokenRequest, uid: string): UserInfo {
  const { serviceAccount, nodeName, podName, podUID } = request;
  const extra: Record<string, readonly string[]> = { [TOKEN_EXTRA.credentialId]: [`JTI=${randomUUID()}`] };
  if (nodeName !== undefined) extra[TOKEN_EXTRA.nodeName] = [nodeName];
  if (podName !== undefined) extra[TOKEN_EXTRA.podName] = [podName];
  if (podUID !== undefined) extra[TOKEN_EXTRA.podUID] = [podUID];
  return {
    username: serviceAccountUsername(serviceAccount),
    uid,
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${serviceAccount.namespace}`,
      AUTHENTICATED_GROUP,
    ],
    extra,
  };
}
