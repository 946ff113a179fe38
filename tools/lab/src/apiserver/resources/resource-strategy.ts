import type { z } from 'zod';
import type { Caller } from '../authorization/caller.ts';
import type { Features } from '../features.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import type { FieldErrors } from '../validation/field-errors.ts';

/** What a strategy may ask about the request and the rest of the cluster. */
export interface StrategyContext {
  readonly features: Readonly<Features>;
  readonly caller: Caller;
  /** Labels of a namespace; undefined when there is none. */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined;
}

/** A part of an object with its own path: `''` is the object itself. */
export type Subresource = '' | 'status' | 'binding';

/**
 * What is particular to a kind. Methods that prepare change the object in place; they run before validation.
 * The defaults are those of a kind that the lab stores as it comes.
 */
export interface ResourceStrategy<T extends KubeObject = KubeObject> {
  /** Decodes the storage form and drops unknown fields. */
  readonly schema: z.ZodType<T>;
  /** Fills in defaults; runs on every decode, also of what other writers stored. */
  applyDefaults?(object: T): void;
  /** Clears what a create may not set, drops fields of disabled features. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  /** Keeps what this subresource may not change, drops fields of disabled features. */
  prepareForUpdate?(object: T, old: T, subresource: Subresource, context: StrategyContext): void;
  /** Checks a new object. */
  validate?(errors: FieldErrors, object: T, context: StrategyContext): void;
  /** Checks a change. */
  validateUpdate?(
    errors: FieldErrors,
    object: T,
    old: T,
    subresource: Subresource,
    context: StrategyContext,
  ): void;
  /** Checks the name; DNS subdomain by default. */
  checkName?(errors: FieldErrors, field: string, name: string): void;
  /** Whether a change of the spec counts in metadata.generation. */
  readonly tracksGeneration?: boolean;
}
