import type { ResourceRequest } from './http/request-info.ts';
import { asJson, asObject, isJsonObject, timestamp } from './objects/kube-object.ts';
import type { KubeObject } from './objects/kube-object.ts';
import { conflict } from './status-error.ts';
import { FieldErrors } from './validation/field-errors.ts';

/** The pod as it is after a Binding assigned it to a node. Throws 409 when it has one or is being deleted. */
export function boundPod(request: ResourceRequest, live: KubeObject, body: unknown): KubeObject {
  const target = isJsonObject(body) && isJsonObject(body['target']) ? body['target']['name'] : undefined;
  if (typeof target !== 'string' || target === '') {
    const errors = new FieldErrors();
    errors.required('target.name');
    errors.throwIfAny({ group: '', name: 'Binding' }, request.name);
  }
  const pod = structuredClone(asJson(live));
  const spec = isJsonObject(pod['spec']) ? pod['spec'] : {};
  if (live.metadata.deletionTimestamp !== undefined) {
    throw conflict(
      { group: '', name: 'pods/binding' },
      request.name,
      `pod ${request.name} is being deleted, cannot be assigned to a host`,
    );
  }
  if (typeof spec['nodeName'] === 'string' && spec['nodeName'] !== '') {
    throw conflict(
      { group: '', name: 'pods/binding' },
      request.name,
      `pod ${request.name} is already assigned to node ${JSON.stringify(spec['nodeName'])}`,
    );
  }
  const status = isJsonObject(pod['status']) ? pod['status'] : {};
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(),
  };
  const changed = {
    ...pod,
    spec: { ...spec, nodeName: target as string },
    status: {
      ...status,
      conditions: [
        ...conditions.filter((item) => !isJsonObject(item) || item['type'] !== 'PodScheduled'),
        scheduled,
      ],
    },
  };
  return asObject(changed);
}
