import { z } from 'zod';
import { objectMeta, rawJson, typeMeta } from './object-schema.ts';

const texts = z.array(z.string());

const resourceRule = z.object({
  operations: texts.default([]),
  apiGroups: texts.default([]),
  apiVersions: texts.default([]),
  resources: texts.default([]),
  resourceNames: texts.optional(),
  scope: z.string().optional(),
});

const matchConstraints = z.object({
  resourceRules: z.array(resourceRule).optional(),
  excludeResourceRules: z.array(resourceRule).optional(),
  matchPolicy: z.string().optional(),
  namespaceSelector: rawJson.optional(),
  objectSelector: rawJson.optional(),
});

const namedExpression = z.object({ name: z.string().default(''), expression: z.string().default('') });

const validation = z.object({
  expression: z.string().default(''),
  message: z.string().optional(),
  messageExpression: z.string().optional(),
  reason: z.string().optional(),
});

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy. What the lab does not evaluate is read so that it can be refused. */
export const validatingAdmissionPolicy = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: z
    .object({
      failurePolicy: z.string().optional(),
      matchConstraints: matchConstraints.optional(),
      matchConditions: z.array(namedExpression).optional(),
      variables: z.array(namedExpression).optional(),
      validations: z.array(validation).optional(),
      paramKind: rawJson.optional(),
      auditAnnotations: rawJson.optional(),
    })
    .default({}),
});

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding. */
export const validatingAdmissionPolicyBinding = z.object({
  ...typeMeta,
  metadata: objectMeta.default({}),
  spec: z
    .object({
      policyName: z.string().default(''),
      validationActions: texts.default([]),
      paramRef: rawJson.optional(),
      matchResources: rawJson.optional(),
    })
    .default({ policyName: '', validationActions: [] }),
});

/** Which requests a policy is about. */
export type MatchConstraints = z.infer<typeof matchConstraints>;
/** Operations on resources. */
export type ResourceRule = z.infer<typeof resourceRule>;
/** An expression under a name: a condition, or a variable. */
export type NamedExpression = z.infer<typeof namedExpression>;
/** What must hold, and what is said when it does not. */
export type PolicyValidation = z.infer<typeof validation>;
/** Rules in CEL for requests that write. */
export type ValidatingAdmissionPolicy = z.infer<typeof validatingAdmissionPolicy>;
/** Puts a policy in force. */
export type ValidatingAdmissionPolicyBinding = z.infer<typeof validatingAdmissionPolicyBinding>;
