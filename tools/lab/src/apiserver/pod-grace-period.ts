import type { ResourceRequest } from './http/request-info.ts';
import { asJson, isJsonObject } from './objects/kube-object.ts';
import type { KubeObject } from './objects/kube-object.ts';
import type { DeleteOptions } from './write-options.ts';

/** Seconds that a pod on a node is given to end; everything else goes at once. */
export function gracePeriod(request: ResourceRequest, object: KubeObject, options: DeleteOptions): number {
  if (request.definition.storage !== 'pods') return 0;
  const { spec, status } = asJson(object);
  if (!isJsonObject(spec) || typeof spec['nodeName'] !== 'string' || spec['nodeName'] === '') return 0;
  const phase = isJsonObject(status) ? status['phase'] : undefined;
  if (phase === 'Succeeded' || phase === 'Failed') return 0;
  const own = spec['terminationGracePeriodSeconds'];
  return options.gracePeriodSeconds ?? (typeof own === 'number' ? own : 30);
}
