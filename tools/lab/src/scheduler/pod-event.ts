import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';

/** What a control plane component says about a pod, as `kubectl describe pod` shows it. */
export interface PodEventContent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** What the component was doing. */
  readonly action: string;
  /** Cut to 1,000 bytes: the API takes 1 KiB. */
  readonly note: string;
  /** The component. */
  readonly reportingController: string;
}

/** Records an event about a pod. */
export async function recordPodEvent(api: LabApiClient, pod: Pod, content: PodEventContent): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata;
  await api.request({
    method: 'POST',
    path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
    body: {
      metadata: { generateName: `${name}.` },
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      ...content,
      note: Buffer.from(content.note).subarray(0, 1000).toString('utf8'),
      eventTime: new Date().toISOString(),
      reportingInstance: 'lab-scheduler',
    },
  });
}
