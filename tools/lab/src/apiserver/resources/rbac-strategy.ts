import { at } from '../validation/field-errors.ts';
import type { FieldErrors } from '../validation/field-errors.ts';
import { semanticallyEqual } from '../objects/canonical-json.ts';
import { clusterRole, clusterRoleBinding } from './rbac-schema.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, RbacSubject } from './rbac-schema.ts';
import type { ResourceStrategy } from './resource-strategy.ts';

/** The group of roles and bindings. */
export const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** ClusterRoles: what their rules allow is decided by the authorizer. */
export const clusterRoleStrategy: ResourceStrategy<ClusterRole> = {
  schema: clusterRole,
  checkName: checkPathSegment,
  validate: checkRules,
  validateUpdate: checkRules,
};

/** ClusterRoleBindings: the role that they give is fixed. */
export const clusterRoleBindingStrategy: ResourceStrategy<ClusterRoleBinding> = {
  schema: clusterRoleBinding,
  checkName: checkPathSegment,
  applyDefaults({ subjects = [], roleRef }) {
    if (roleRef.apiGroup === '') roleRef.apiGroup = RBAC_GROUP;
    for (const subject of subjects) {
      if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ??= RBAC_GROUP;
    }
  },
  validate: checkBinding,
  validateUpdate(errors, binding, old) {
    checkBinding(errors, binding);
    if (!semanticallyEqual(binding.roleRef, old.roleRef)) {
      errors.invalid('roleRef', binding.roleRef, 'cannot change roleRef');
    }
  },
};

/** Names of roles may be anything that fits into a path, such as `system:discovery`. */
function checkPathSegment(errors: FieldErrors, field: string, name: string): void {
  if (name === '.' || name === '..') errors.invalid(field, name, `may not be '${name}'`);
  for (const illegal of ['/', '%']) {
    if (name.includes(illegal)) errors.invalid(field, name, `may not contain '${illegal}'`);
  }
}

function checkRules(errors: FieldErrors, { rules }: ClusterRole): void {
  rules?.forEach((rule, index) => checkRule(errors, at('rules', index), rule));
}

function checkRule(errors: FieldErrors, path: string, rule: PolicyRule): void {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  if (verbs.length === 0) errors.required(`${path}.verbs`, 'verbs must contain at least one value');
  if (nonResourceURLs.length > 0) {
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      errors.invalid(
        `${path}.nonResourceURLs`,
        nonResourceURLs,
        'rules cannot apply to both regular resources and non-resource URLs',
      );
    }
    return;
  }
  if (apiGroups.length === 0)
    errors.required(`${path}.apiGroups`, 'resource rules must supply at least one api group');
  if (resources.length === 0)
    errors.required(`${path}.resources`, 'resource rules must supply at least one resource');
}

function checkBinding(errors: FieldErrors, { subjects, roleRef }: ClusterRoleBinding): void {
  if (roleRef.apiGroup !== RBAC_GROUP)
    errors.notSupported('roleRef.apiGroup', roleRef.apiGroup, [RBAC_GROUP]);
  if (roleRef.kind !== 'ClusterRole') errors.notSupported('roleRef.kind', roleRef.kind, ['ClusterRole']);
  if (roleRef.name === '') errors.required('roleRef.name');
  subjects?.forEach((subject, index) => checkSubject(errors, at('subjects', index), subject));
}

function checkSubject(errors: FieldErrors, path: string, subject: RbacSubject): void {
  const { kind, apiGroup = '', name, namespace = '' } = subject;
  if (name === '') errors.required(`${path}.name`);
  const groups: Readonly<Record<string, string>> = {
    ServiceAccount: '',
    User: RBAC_GROUP,
    Group: RBAC_GROUP,
  };
  const wanted = groups[kind];
  if (wanted === undefined) errors.notSupported(`${path}.kind`, kind, Object.keys(groups));
  else if (apiGroup !== wanted) errors.notSupported(`${path}.apiGroup`, apiGroup, [wanted]);
  if (kind === 'ServiceAccount' && namespace === '') errors.required(`${path}.namespace`);
}
