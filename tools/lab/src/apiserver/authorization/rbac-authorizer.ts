import { AUTHENTICATED_GROUP, MASTERS_GROUP, serviceAccountUsername } from '../authentication/user-info.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, RbacSubject } from '../resources/rbac-schema.ts';
import type { StatusError } from '../status-error.ts';
import { LiveList } from '../store/live-list.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { accessForbidden } from './access.ts';
import type { Access } from './access.ts';
import { ruleAllows } from './rule-allows.ts';

/** What the roles `system:discovery` and `system:public-info-viewer` of every cluster allow to everyone who is authenticated. */
const DISCOVERY: PolicyRule = {
  verbs: ['get'],
  nonResourceURLs: [
    ...['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'],
    ...['/healthz', '/livez', '/readyz', '/version', '/version/'],
  ],
};

/** Decides by the stored ClusterRoles and ClusterRoleBindings who may do what. */
export class RbacAuthorizer {
  readonly #roles: LiveList<ClusterRole>;
  readonly #bindings: LiveList<ClusterRoleBinding>;

  constructor(store: ObjectStore) {
    this.#roles = new LiveList(store, 'clusterroles.rbac.authorization.k8s.io');
    this.#bindings = new LiveList(store, 'clusterrolebindings.rbac.authorization.k8s.io');
  }

  /** The 403 that refuses an access; undefined when it is allowed. */
  refusal(user: UserInfo, access: Access): StatusError | undefined {
    if (user.groups.includes(MASTERS_GROUP)) return undefined;
    if (user.groups.includes(AUTHENTICATED_GROUP) && ruleAllows(DISCOVERY, access)) return undefined;
    const missing: string[] = [];
    for (const { subjects = [], roleRef } of this.#bindings.items) {
      if (!subjects.some((subject) => isUser(subject, user))) continue;
      const role = this.#roles.items.find(({ metadata }) => metadata.name === roleRef.name);
      if (role === undefined) missing.push(roleRef.name);
      else if (role.rules?.some((rule) => ruleAllows(rule, access)) === true) return undefined;
    }
    return accessForbidden(user, access, missingRoles(missing));
  }
}

function isUser({ kind, name, namespace = '' }: RbacSubject, { username, groups }: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return name === '*' || name === username;
    case 'Group':
      return groups.includes(name);
    default:
      return serviceAccountUsername({ namespace, name }) === username;
  }
}

function missingRoles(names: readonly string[]): string {
  const problems = [...new Set(names)].map(
    (name) => `clusterrole.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`,
  );
  if (problems.length === 0) return '';
  return `RBAC: ${problems.length === 1 ? problems.join('') : `[${problems.join(', ')}]`}`;
}
