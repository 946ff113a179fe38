/** Who sends a request (authentication.k8s.io/v1 UserInfo). */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  /** What the authenticator knows besides; each key has a list of values. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** The group whose members may do everything, whatever the roles say. */
export const MASTERS_GROUP = 'system:masters';
/** The group of everyone who has shown credentials. */
export const AUTHENTICATED_GROUP = 'system:authenticated';

/** What the token of the lab's kubeconfig file stands for. */
export const ADMIN_USER: UserInfo = {
  username: 'lab-admin',
  groups: [MASTERS_GROUP, AUTHENTICATED_GROUP],
  extra: {},
};

/** A namespaced name of a service account. */
export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

/** The user name of a service account. */
export function serviceAccountUsername({ namespace, name }: ServiceAccountName): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The service account that a user name stands for; undefined when it is no service account's. */
export function serviceAccountOf(username: string): ServiceAccountName | undefined {
  const match = /^system:serviceaccount:(?<namespace>[^:]+):(?<name>[^:]+)$/.exec(username)?.groups;
  return match === undefined ? undefined : { namespace: match['namespace'] ?? '', name: match['name'] ?? '' };
}
