import { z } from 'zod';
import { objectMeta, typeMeta } from './object-schema.ts';

const texts = z.array(z.string());

const policyRule = z.object({
  verbs: texts.default([]),
  apiGroups: texts.optional(),
  resources: texts.optional(),
  resourceNames: texts.optional(),
  nonResourceURLs: texts.optional(),
});

const subject = z.object({
  kind: z.string().default(''),
  apiGroup: z.string().optional(),
  name: z.string().default(''),
  namespace: z.string().optional(),
});

/** rbac.authorization.k8s.io/v1 ClusterRole; roles that gather the rules of others are not known here. */
export const clusterRole = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  rules: z.array(policyRule).optional(),
});

/** rbac.authorization.k8s.io/v1 ClusterRoleBinding. */
export const clusterRoleBinding = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  subjects: z.array(subject).optional(),
  roleRef: z
    .object({
      apiGroup: z.string().default(''),
      kind: z.string().default(''),
      name: z.string().default(''),
    })
    .default({ apiGroup: '', kind: '', name: '' }),
});

/** What someone may do with some resources or paths. */
export type PolicyRule = z.infer<typeof policyRule>;
/** Someone whom a binding gives a role. */
export type RbacSubject = z.infer<typeof subject>;
/** A set of rules. */
export type ClusterRole = z.infer<typeof clusterRole>;
/** Gives the rules of a role to some subjects, in the whole cluster. */
export type ClusterRoleBinding = z.infer<typeof clusterRoleBinding>;
