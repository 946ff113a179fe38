import { z } from 'zod';
import { Quantity } from '../validation/quantity.ts';

const integer = z.number().int();

/** A quantity in any notation; decoding makes it canonical, as the real server does. */
export const quantity = z.union([z.string(), z.number()]).transform((value, context) => {
  try {
    return Quantity.parse(value).toString();
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

/** RFC 3339 text; kept in UTC and cut to seconds, the precision of meta/v1 Time. */
export const time = z.string().transform((value, context) => {
  const milliseconds = Date.parse(value);
  if (Number.isNaN(milliseconds)) {
    context.addIssue({ code: 'custom', message: `parsing time ${JSON.stringify(value)}` });
    return z.NEVER;
  }
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
});

/** JSON that the server stores without looking inside (runtime.RawExtension). */
export const rawJson = z.unknown();

const ownerReference = z.object({
  apiVersion: z.string().default(''),
  kind: z.string().default(''),
  name: z.string().default(''),
  uid: z.string().default(''),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});

const managedFieldsEntry = z.object({
  manager: z.string().default(''),
  operation: z.enum(['Apply', 'Update']),
  apiVersion: z.string().default(''),
  time: time.optional(),
  fieldsType: z.string().default('FieldsV1'),
  fieldsV1: z.record(z.string(), z.json()).default({}),
  subresource: z.string().optional(),
});

/** Metadata of any object. */
export const objectMeta = z.object({
  name: z.string().optional(),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: integer.optional(),
  creationTimestamp: time.optional(),
  deletionTimestamp: time.optional(),
  deletionGracePeriodSeconds: integer.optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z.array(ownerReference).optional(),
  finalizers: z.array(z.string()).optional(),
  managedFields: z.array(managedFieldsEntry).optional(),
});

/** Kind and version of an object; the request decides both when the body leaves them out. */
export const typeMeta = { apiVersion: z.string(), kind: z.string() };

/** A kind that the lab stores without knowing its fields. */
export const looseObject = z.looseObject({ ...typeMeta, metadata: objectMeta.default({}) });

const nodeSelectorRequirement = z.object({
  key: z.string(),
  operator: z.string(),
  values: z.array(z.string()).optional(),
});

const nodeSelectorTerm = z.object({
  matchExpressions: z.array(nodeSelectorRequirement).optional(),
  matchFields: z.array(nodeSelectorRequirement).optional(),
});

/** Which nodes (core/v1 NodeSelector): terms are alternatives, the requirements of a term all hold. */
export const nodeSelector = z.object({ nodeSelectorTerms: z.array(nodeSelectorTerm).default([]) });

/** Which nodes. */
export type NodeSelector = z.infer<typeof nodeSelector>;
