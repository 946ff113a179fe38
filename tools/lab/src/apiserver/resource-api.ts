import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes } from './admission/admission-request.ts';
import type { ValidatingAdmission } from './admission/validating-admission.ts';
import type { ResourceAccess } from './authorization/access.ts';
import type { Caller } from './authorization/caller.ts';
import { decodeApplied, takeNamespace, typedPatchError } from './applied-object.ts';
import { keepBookkeeping, withoutBookkeeping } from './bookkeeping.ts';
import { boundPod } from './pod-binding.ts';
import { gracePeriod } from './pod-grace-period.ts';
import { keyOf, kindName, kindOf, managerOf, resourceName } from './request-names.ts';
import { apply, recordUpdate } from './apply/apply.ts';
import { readOwnerships, writeOwnerships } from './apply/managed-fields.ts';
import type { Ownership } from './apply/managed-fields.ts';
import { ListKeyError } from './apply/merge-schema.ts';
import { mergePatch } from './apply/merge-patch.ts';
import type { Features } from './features.ts';
import type { ResourceRequest } from './http/request-info.ts';
import type { Predicate } from './http/selectors.ts';
import { semanticallyEqual } from './objects/canonical-json.ts';
import { asJson, asObject, isJsonObject, timestamp } from './objects/kube-object.ts';
import type { JsonObject, KubeObject } from './objects/kube-object.ts';
import { generateName } from './objects/name-generator.ts';
import { decodeObject, encodeObject, storedForm } from './resources/object-codec.ts';
import type { Decoded } from './resources/object-codec.ts';
import type { StrategyContext, Subresource } from './resources/resource-strategy.ts';
import { alreadyExists, badRequest, conflict, forbidden, notFound, OBJECT_MODIFIED } from './status-error.ts';
import type { ObjectStore } from './store/object-store.ts';
import { FieldErrors } from './validation/field-errors.ts';
import { checkSubdomain } from './validation/names.ts';
import { checkObjectMeta, checkObjectMetaUpdate } from './validation/object-meta.ts';
import type { DeleteOptions, WriteOptions, Written } from './write-options.ts';

/** What the verbs do to the store, free of HTTP. All failures are StatusErrors. */
export class ResourceApi {
  readonly #store: ObjectStore;
  readonly #features: () => Readonly<Features>;
  readonly #admission: ValidatingAdmission;

  constructor(store: ObjectStore, features: () => Readonly<Features>, admission: ValidatingAdmission) {
    this.#store = store;
    this.#features = features;
    this.#admission = admission;
  }

  /** The object; 404 when there is none. */
  get(request: ResourceRequest): KubeObject {
    const object = this.#store.get(keyOf(request));
    if (object === undefined) throw notFound(resourceName(request), request.name);
    return object;
  }

  /** Stores a new object. */
  create(request: ResourceRequest, body: unknown, options: WriteOptions): Written {
    const decoded = this.#decode(request, body, options);
    return this.#create(request, decoded, options, (object) => [
      ...recordUpdate(
        kindOf(request),
        {},
        asJson(object),
        [],
        managerOf(request, options.fieldManager, 'Update'),
      ),
    ]);
  }

  /** Replaces an object or its status. */
  update(request: ResourceRequest, body: unknown, options: WriteOptions): Written {
    const decoded = this.#decode(request, body, options);
    const { metadata } = decoded.object;
    if (metadata.name === undefined) metadata.name = request.name;
    if (metadata.name !== request.name) {
      throw badRequest(
        `the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`,
      );
    }
    takeNamespace(request, decoded.object);
    const live = this.get(request);
    if (metadata.uid !== undefined && metadata.uid !== '' && metadata.uid !== live.metadata.uid) {
      throw conflict(
        resourceName(request),
        request.name,
        `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${live.metadata.uid ?? ''}`,
      );
    }
    return this.#change(request, live, decoded, options, (object) =>
      recordUpdate(
        kindOf(request),
        withoutBookkeeping(live),
        withoutBookkeeping(object),
        readOwnerships(live),
        managerOf(request, options.fieldManager, 'Update'),
      ),
    );
  }

  /** Applies a JSON merge patch (RFC 7386). */
  mergePatch(request: ResourceRequest, patch: unknown, options: WriteOptions): Written {
    if (!isJsonObject(patch)) throw badRequest('a merge patch must be a JSON object');
    const live = this.get(request);
    const patched = mergePatch(encodeObject(request, live), patch) as JsonObject;
    const decoded = this.#decode(request, patched, options);
    return this.#change(request, live, decoded, options, (object) =>
      recordUpdate(
        kindOf(request),
        withoutBookkeeping(live),
        withoutBookkeeping(object),
        readOwnerships(live),
        managerOf(request, options.fieldManager, 'Update'),
      ),
    );
  }

  /** Server-side apply; creates the object when there is none and the path is the object's own. */
  apply(request: ResourceRequest, body: unknown, options: WriteOptions): Written {
    if (options.fieldManager === '') {
      const errors = new FieldErrors();
      errors.required('fieldManager', 'is required for apply patch');
      errors.throwIfAny({ group: 'meta.k8s.io', name: 'PatchOptions' }, '');
    }
    if (!isJsonObject(body)) throw badRequest('an apply patch must be an object');
    const applied = decodeApplied(request, body);
    const live = this.#store.get(keyOf(request));
    if (live === undefined && request.subresource !== '') throw notFound(resourceName(request), request.name);
    const { uid, resourceVersion } = asObject(applied).metadata;
    if (live === undefined && uid !== undefined) {
      throw conflict(
        resourceName(request),
        request.name,
        `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
      );
    }
    if (
      live !== undefined &&
      resourceVersion !== undefined &&
      resourceVersion !== live.metadata.resourceVersion
    ) {
      throw conflict(resourceName(request), request.name, OBJECT_MODIFIED);
    }
    const refused = live === undefined ? options.caller.refusal(creationOf(request)) : undefined;
    if (refused !== undefined) throw refused;
    const result = this.#merge(request, live, applied, options);
    // Defaults are not applied: they belong to whoever lets the server set them.
    const merged = {
      ...decodeObject(request, encodeObject(request, asObject(result.merged))),
      unknownFields: [],
    };
    const owners = (): Ownership[] => result.owners;
    return live === undefined
      ? this.#create(request, merged, options, owners)
      : this.#change(request, live, merged, options, owners);
  }

  /**
   * Deletes an object, or marks it as being deleted while it has finalizers or, a bound pod, its grace period.
   * The answer is the object's last state, and whether it is gone.
   */
  delete(request: ResourceRequest, options: DeleteOptions): { object: KubeObject; gone: boolean } {
    const live = this.get(request);
    const { uid, resourceVersion, finalizers = [] } = live.metadata;
    this.#checkPrecondition(request, 'UID', options.uid, uid);
    this.#checkPrecondition(request, 'ResourceVersion', options.resourceVersion, resourceVersion);
    this.#admit(request, { operation: 'DELETE', oldObject: live }, options);
    const grace = gracePeriod(request, live, options);
    if (finalizers.length === 0 && grace === 0) {
      if (request.definition.storage === 'namespaces') this.#emptyNamespace(request.name);
      return { object: this.#store.delete(keyOf(request)) ?? live, gone: true };
    }
    const marked = structuredClone(live);
    const deadline = new Date(Date.now() + grace * 1000);
    marked.metadata.deletionTimestamp ??= timestamp(deadline);
    marked.metadata.deletionGracePeriodSeconds = grace;
    if (isDeepStrictEqual(marked, live)) return { object: live, gone: false };
    return { object: this.#store.put(keyOf(request), marked), gone: false };
  }

  /** Deletes what a selection matches and returns what was there. */
  deleteCollection(request: ResourceRequest, selects: Predicate, options: DeleteOptions): KubeObject[] {
    return this.list(request)
      .filter(selects)
      .map((object) => {
        const { name = '', namespace = '' } = object.metadata;
        return this.delete({ ...request, name, namespace }, options).object;
      });
  }

  /** The objects of a resource, in the request's namespace when it has one; at an older revision when one is given. */
  list(request: ResourceRequest, revision?: number): KubeObject[] {
    const namespace = request.namespace === '' ? undefined : request.namespace;
    return this.#store.list(request.definition.storage, namespace, revision);
  }

  /** Assigns a pod to a node (pods/binding). */
  bind(request: ResourceRequest, body: unknown): void {
    this.#store.put(keyOf(request), boundPod(request, this.get(request), body));
  }

  #admit(
    request: ResourceRequest,
    write: Pick<AdmissionAttributes, 'operation' | 'object' | 'oldObject'>,
    { caller, dryRun = false }: { readonly caller: Caller; readonly dryRun?: boolean },
  ): void {
    const name = (write.object ?? write.oldObject)?.metadata.name ?? '';
    this.#admission.admit({ request, ...write, name, user: caller.user, dryRun });
  }

  #context(caller: Caller): StrategyContext {
    return {
      features: this.#features(),
      caller,
      namespaceLabels: (namespace) =>
        this.#store.get({ resource: 'namespaces', namespace: '', name: namespace })?.metadata.labels,
    };
  }

  #decode(request: ResourceRequest, body: unknown, options: WriteOptions): Decoded {
    const decoded = decodeObject(request, body);
    if (options.strict && decoded.unknownFields.length > 0) {
      const list = decoded.unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`).join(', ');
      const { kind } = request.definition;
      throw badRequest(
        `${kind} in version ${JSON.stringify(request.version)} cannot be handled as a ${kind}: strict decoding error: ${list}`,
      );
    }
    return decoded;
  }

  #merge(
    request: ResourceRequest,
    live: KubeObject | undefined,
    applied: JsonObject,
    options: WriteOptions,
  ): { merged: JsonObject; owners: Ownership[] } {
    try {
      return apply({
        kind: kindOf(request),
        live: live === undefined ? {} : withoutBookkeeping(live),
        applied,
        owners: live === undefined ? [] : readOwnerships(live),
        manager: managerOf(request, options.fieldManager, 'Apply'),
        force: options.force,
        reset:
          request.subresource === 'status'
            ? ['spec']
            : 'status' in request.definition.subresources
              ? ['status']
              : [],
      });
    } catch (error) {
      if (!(error instanceof ListKeyError)) throw error;
      throw typedPatchError(request, error.message);
    }
  }

  #create(
    request: ResourceRequest,
    { object, unknownFields }: Decoded,
    options: WriteOptions,
    owners: (object: KubeObject) => Ownership[],
  ): Written {
    const { definition } = request;
    const { strategy } = definition;
    const { metadata } = object;
    takeNamespace(request, object);
    if (request.name !== '' && metadata.name === undefined) metadata.name = request.name;
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    for (const member of [
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'managedFields',
      'resourceVersion',
    ] as const) {
      delete metadata[member];
    }
    metadata.uid = randomUUID();
    metadata.creationTimestamp = timestamp();
    if (strategy.tracksGeneration === true) metadata.generation = 1;
    else delete metadata.generation;
    if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '') {
      metadata.name = generateName(
        metadata.generateName ?? '',
        (name) => this.#store.get({ ...keyOf(request), name }) !== undefined,
      );
    }
    this.#checkNamespace(request, metadata.namespace ?? '');
    const context = this.#context(options.caller);
    strategy.prepareForCreate?.(object, context);
    const errors = new FieldErrors();
    checkObjectMeta(errors, metadata, strategy.checkName ?? checkSubdomain);
    strategy.validate?.(errors, object, context);
    errors.throwIfAny(kindName(request), metadata.name ?? '');
    const stored = storedForm(request, object);
    this.#admit(request, { operation: 'CREATE', object: stored }, options);
    const key = { ...keyOf(request), name: metadata.name ?? '' };
    if (this.#store.get(key) !== undefined) throw alreadyExists(resourceName(request), key.name);
    stored.metadata.managedFields = writeOwnerships(owners(stored));
    return { object: options.dryRun ? stored : this.#store.put(key, stored), unknownFields, created: true };
  }

  #change(
    request: ResourceRequest,
    live: KubeObject,
    { object, unknownFields }: Decoded,
    options: WriteOptions,
    owners: (object: KubeObject) => Ownership[],
  ): Written {
    const { strategy } = request.definition;
    const subresource = request.subresource as Subresource;
    const { metadata } = object;
    if (
      (metadata.resourceVersion ?? '') !== '' &&
      metadata.resourceVersion !== live.metadata.resourceVersion
    ) {
      throw conflict(resourceName(request), request.name, OBJECT_MODIFIED);
    }
    const context = this.#context(options.caller);
    const old = structuredClone(live);
    keepBookkeeping(object, old, subresource);
    strategy.prepareForUpdate?.(object, old, subresource, context);
    if (strategy.tracksGeneration === true && !semanticallyEqual(object.spec, old.spec)) {
      metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    const errors = new FieldErrors();
    checkObjectMeta(errors, metadata, strategy.checkName ?? checkSubdomain);
    checkObjectMetaUpdate(errors, metadata, old.metadata);
    strategy.validateUpdate?.(errors, object, old, subresource, context);
    errors.throwIfAny(kindName(request), request.name);
    const stored = storedForm(request, object);
    this.#admit(request, { operation: 'UPDATE', object: stored, oldObject: live }, options);
    stored.metadata.managedFields = writeOwnerships(owners(stored));
    // As in the real server, a write that changes nothing is no write: no new revision, no event.
    if (semanticallyEqual(stored, live)) {
      return { object: live, unknownFields, created: false };
    }
    if (options.dryRun) return { object: stored, unknownFields, created: false };
    const key = keyOf(request);
    const finished =
      stored.metadata.deletionTimestamp !== undefined &&
      (stored.metadata.finalizers ?? []).length === 0 &&
      (stored.metadata.deletionGracePeriodSeconds ?? 0) === 0;
    if (!finished) return { object: this.#store.put(key, stored), unknownFields, created: false };
    this.#store.put(key, stored);
    return { object: this.#store.delete(key) ?? stored, unknownFields, created: false };
  }

  #checkNamespace(request: ResourceRequest, namespace: string): void {
    if (!request.definition.namespaced) return;
    const found = this.#store.get({ resource: 'namespaces', namespace: '', name: namespace });
    if (found === undefined) throw notFound({ group: '', name: 'namespaces' }, namespace);
    if (found.metadata.deletionTimestamp !== undefined) {
      throw forbidden(
        resourceName(request),
        request.name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
  }

  #emptyNamespace(namespace: string): void {
    for (const key of this.#store.keys()) if (key.namespace === namespace) this.#store.delete(key);
  }

  #checkPrecondition(
    request: ResourceRequest,
    what: string,
    wanted: string | undefined,
    actual: string | undefined,
  ): void {
    if (wanted === undefined || wanted === actual) return;
    throw conflict(
      resourceName(request),
      request.name,
      `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${actual ?? ''}`,
    );
  }
}

/** Applying an object that is not there is creating one, and needs the right to. */
function creationOf(request: ResourceRequest): ResourceAccess {
  const { definition, namespace, name, subresource } = request;
  const { group, plural: resource } = definition;
  return { kind: 'resource', verb: 'create', group, resource, subresource, namespace, name };
}
